/** What a policy would decide, and why; nothing is sent. */
import * as z from "zod";
import { EgressPolicy } from "./egress.js";
import { endpoint } from "./endpoint.js";
import { EgressPolicyId } from "./names.js";
import { GroupParams, NoQuery, SandboxParams } from "./sandboxes.js";

const asked = {
  /** http://, https:// or tcp:// with a host, and a port where it is not the scheme's. */
  url: z.string().min(1).max(4_096),
  /** Default GET. */
  method: z
    .string()
    .regex(/^[A-Z]{1,16}$/, "must be a method such as GET")
    .optional(),
};

export const TestSandboxEgress = z.strictObject(asked).meta({ id: "TestSandboxEgress" });
export type TestSandboxEgress = z.infer<typeof TestSandboxEgress>;

/** A policy that need not be anybody's, or one of the group's by name; without either, the group's default. */
export const TestEgress = z
  .strictObject({ ...asked, policy: EgressPolicy.optional(), egressPolicyId: EgressPolicyId.optional() })
  .refine(({ policy, egressPolicyId }) => policy === undefined || egressPolicyId === undefined, {
    message: "must be left out where egressPolicyId is given",
    path: ["policy"],
  })
  .meta({ id: "TestEgress" });
export type TestEgress = z.infer<typeof TestEgress>;

export const EgressTest = z
  .object({
    verdict: z.enum(["Allow", "Deny"]),
    /** What is done with it; Hook: an endpoint is asked, and the verdict is what it may answer at best. */
    action: z.enum(["Allow", "Deny", "Transform", "Rewrite", "Hook"]),
    /** Which rule decided: its name, `hostRules[3]`, `transportRules[0]`, or `default`. */
    rule: z.string(),
    /** A sentence. */
    reason: z.string(),
    /** By which of the group's routes it would leave: the rule's, else the default one. Left out: directly, or not at all. */
    route: z.string().optional(),
    /** TLS is opened, so that methods and paths count. Where it is not, the verdict is about the connection. */
    opensTls: z.boolean(),
    /** False: the policy is one for audit, and what it denies goes through. */
    isEnforced: z.boolean(),
    /** What in the policy can hardly be meant so. */
    warnings: z.array(z.object({ code: z.string(), message: z.string(), field: z.string() })),
    /** Each rule that was looked at, in its order. */
    considered: z.array(z.object({ rule: z.string(), matched: z.boolean(), why: z.string() })),
  })
  .meta({ id: "EgressTest" });
export type EgressTest = z.infer<typeof EgressTest>;

export const testSandboxEgress = endpoint({
  id: "testSandboxEgress",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/egress/test",
  access: "user",
  summary: "Say what would become of a request of a sandbox's, and why; nothing is sent",
  params: SandboxParams,
  query: NoQuery,
  body: TestSandboxEgress,
  result: EgressTest,
  errors: ["SandboxNotFound"],
  isIdempotent: true,
});

export const testEgress = endpoint({
  id: "testEgress",
  method: "POST",
  path: "/v1/groups/:group/egress/test",
  access: "user",
  summary: "Say what a policy would decide about a request, and why; nothing is sent",
  params: GroupParams,
  query: NoQuery,
  body: TestEgress,
  result: EgressTest,
  errors: ["EgressPolicyNotFound", "EgressRouteNotFound"],
  isIdempotent: true,
});

/** What sandboxes may reach: in ACA's shape, so that what is written for it fits. */
import * as z from "zod";
import { LabelKey } from "./names.js";

const Verdict = z.enum(["Allow", "Deny"]);

/** A host name, an address, or a glob such as *.example.com. */
const HostPattern = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9*?_.:[\]-]+$/, "must be a host, an address or a pattern such as *.example.com");

const EgressRule = z.strictObject({
  name: LabelKey,
  match: z.strictObject({
    host: HostPattern,
    path: z.string().max(2_048).startsWith("/", "must begin with /").optional(),
    methods: z
      .array(z.string().regex(/^[A-Z]{1,16}$/, "must be a method such as GET"))
      .max(16)
      .optional(),
    scheme: z.enum(["http", "https", "any"]).optional(),
  }),
  action: z.strictObject({ type: Verdict }),
});

/** ACA's `SandboxEgressPolicy`, the part that allows and denies. Rules first, in their order, then hostRules, then the default. */
export const EgressPolicy = z
  .strictObject({
    defaultAction: Verdict,
    hostRules: z
      .array(z.strictObject({ pattern: HostPattern, action: Verdict }))
      .max(1_000)
      .optional(),
    rules: z.array(EgressRule).max(1_000).optional(),
    trafficInspection: z.enum(["Full", "Partial", "None"]).optional(),
    enforcementMode: z.enum(["Enforced", "Audit"]).optional(),
  })
  .refine(
    (policy) => policy.trafficInspection !== "Partial" || policy.defaultAction === "Allow",
    "must have defaultAction Allow where trafficInspection is Partial",
  )
  .meta({ id: "EgressPolicy" });
export type EgressPolicy = z.infer<typeof EgressPolicy>;

/**
 * What sandboxes may reach: in ACA's shape (`SandboxEgressPolicy`), so that what is written for it fits; `ports` and the scheme `tcp` are
 * Alcove's own. What is unsafe or can mean nothing is refused by its field: egress-faults.ts.
 *
 * Of a connection to an address transportRules decide first. Then come rules, then hostRules, then defaultAction.
 */
import * as z from "zod";
import { readRange } from "./addresses.js";
import { policyFaults } from "./egress-faults.js";
import { readHostPattern } from "./hosts.js";
import { LabelKey, RouteName } from "./names.js";
import { ValueRef } from "./value-refs.js";

const Verdict = z.enum(["Allow", "Deny"]);

const HostPattern = z
  .string()
  .max(253)
  .superRefine((text, context) => {
    const read = readHostPattern(text);
    if ("message" in read) context.addIssue({ code: "custom", message: read.message, params: { hint: read.hint } });
  })
  .describe(
    "A host name, an address, or a glob of names: * stands for any number of characters, dots included, ? for one. *.example.com matches example.com too; * alone matches every host, and it alone of all globs matches addresses",
  );

const PathPattern = z
  .string()
  .max(1_024)
  .regex(/^\//, "must begin with /")
  .regex(/^[^#\p{Cc}\p{Cs}]*$/u, "must hold no #, control characters or broken ones")
  .describe(
    "A glob of paths: * stands for any number of characters but slashes, ** for any, ? for one that is no slash. /repos/** matches /repos too. The query is no part of the path. Written as people read it: é, not %C3%A9, unless normalizePath is false",
  );

export const EgressMatch = z.strictObject({
  host: HostPattern,
  path: PathPattern.optional(),
  methods: z
    .array(z.string().regex(/^[A-Z][A-Z_-]{0,31}$/, "must be a method such as GET"))
    .min(1)
    .max(16)
    .optional()
    .describe("In upper case. Left out: all"),
  scheme: z
    .enum(["http", "https", "tcp", "any"])
    .optional()
    .describe(
      "tcp: what is neither TLS nor HTTP. any: all three. Left out: any where the action is Deny, else https, since nothing proves who answers plain HTTP",
    ),
  ports: z.array(z.number().int().min(1).max(65_535)).min(1).max(64).optional().describe("Left out: all"),
  normalizePath: z
    .boolean()
    .optional()
    .describe(
      "Default true: percent escapes are resolved, also double ones and those of slashes and dots, slashes merged and dot segments removed before the path is compared; one that servers may read differently is allowed only if every reading is, and denied if one is. false: it is compared as it was sent",
    ),
});

const HeaderName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "must be a header name of RFC 9110");

const HeaderValue = z
  .string()
  .max(8_192)
  .regex(/^(?:[!-~](?:[\t -~]*[!-~])?)?$/, "must be printable ASCII without spaces around it");

export const HeaderChange = z
  .discriminatedUnion("operation", [
    z
      .strictObject({
        operation: z.enum(["Set", "Insert"]),
        name: HeaderName,
        value: HeaderValue.optional(),
        /** In place of `value`: put in by the gateway, and never seen in the sandbox. */
        valueRef: ValueRef.optional(),
      })
      .refine(({ value, valueRef }) => (value === undefined) !== (valueRef === undefined), {
        message: "must be given, or valueRef in its place",
        path: ["value"],
        params: { hint: "Give the value itself, or a valueRef to where it stands." },
      }),
    z.strictObject({ operation: z.literal("Remove"), name: HeaderName }),
  ])
  .describe("Set: replaces what the program sent. Insert: only where it sent none. Remove: takes it away")
  .meta({ id: "HeaderChange" });
export type HeaderChange = z.infer<typeof HeaderChange>;

const HeaderChanges = z.array(HeaderChange).min(1).max(64);

export const EgressAction = z
  .discriminatedUnion("type", [
    z.strictObject({ type: Verdict }),
    z.strictObject({ type: z.literal("Transform"), headers: HeaderChanges }),
    z.strictObject({
      type: z.literal("Rewrite"),
      scheme: z.enum(["http", "https"]).optional(),
      host: z.string().max(253).optional().describe("No pattern. Its addresses are checked as every other's"),
      path: z
        .string()
        .max(2_048)
        .regex(/^\/[!-~]*$/, "must begin with / and be printable ASCII, other characters as escapes")
        .regex(/^[^?#]*$/, "must have no query and no fragment")
        .optional()
        .describe("In place of the whole path; the query stays"),
      headers: HeaderChanges.optional(),
    }),
  ])
  .describe(
    "Transform: allowed, with other headers. Rewrite: allowed, and sent to another scheme, host or path. Neither is for tcp",
  )
  .meta({ id: "EgressAction" });
export type EgressAction = z.infer<typeof EgressAction>;

export const EgressHook = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .describe("Asked with POST and a JSON body for each request that matches"),
    failBehavior: Verdict.optional().describe(
      "What becomes of the request where the endpoint gives no answer that can be used. Default Deny",
    ),
    requestHeaders: z
      .array(HeaderName)
      .max(32)
      .optional()
      .describe("Which headers of the request it is told. Default: none"),
    authHeaders: HeaderChanges.max(8).optional().describe("Headers that the endpoint is sent: by Set alone"),
    timeoutMs: z.number().int().min(100).max(30_000).optional().describe("Default 5000"),
  })
  .meta({ id: "EgressHook" });
export type EgressHook = z.infer<typeof EgressHook>;

export const EgressRule = z
  .strictObject({
    name: LabelKey.describe("Unique in the policy; decisions and refusals name it"),
    match: EgressMatch,
    action: EgressAction.optional(),
    hookRef: EgressHook.optional().describe(
      "In place of an action: an HTTP endpoint is asked what to do with the request",
    ),
    route: RouteName.optional().describe(
      "By which of the group's routes what the rule lets through leaves. Left out: the group's default",
    ),
  })
  .refine(({ action, hookRef }) => (action === undefined) !== (hookRef === undefined), {
    message: "must be given, or hookRef in its place",
    path: ["action"],
    params: { hint: "Give an action such as {type: Allow}, or a hookRef." },
  })
  .meta({ id: "EgressRule" });
export type EgressRule = z.infer<typeof EgressRule>;

const TransportRule = z.strictObject({
  action: Verdict,
  protocol: z.literal("Tcp"),
  destination: z
    .string()
    .superRefine((text, context) => {
      const read = readRange(text);
      if ("message" in read) context.addIssue({ code: "custom", message: read.message, params: { hint: read.hint } });
    })
    .describe("A range that begins at its first address: 10.0.0.0/8, 2001:db8::/32"),
  port: z.number().int().min(1).max(65_535).nullable().optional().describe("Left out or null: all"),
});

export const EgressPolicy = z
  .strictObject({
    defaultAction: Verdict.describe("What no rule matches"),
    rules: z.array(EgressRule).max(1_000).optional().describe("The first that matches decides"),
    hostRules: z
      .array(z.strictObject({ pattern: HostPattern, action: Verdict }))
      .max(1_000)
      .optional()
      .describe("After the rules. An Allow here is for https alone, as that of a rule without a scheme"),
    transportRules: z
      .strictObject({ rules: z.array(TransportRule).max(100) })
      .optional()
      .describe(
        "For connections to addresses, before all other rules, and for the addresses that names lead to: an Allow permits what is refused otherwise, such as private ones",
      ),
    trafficInspection: z
      .enum(["Full", "Partial", "None"])
      .optional()
      .describe(
        "Which TLS is opened, with a certificate of the group's own authority. Full: all, and what is neither TLS nor HTTP needs a rule that says tcp or any. Partial, and left out: where a rule for the host needs it (path, methods, Transform, Rewrite). None: none",
      ),
    enforcementMode: z
      .enum(["Enforced", "Audit"])
      .optional()
      .describe("Audit: what would be denied goes through, and is recorded as such. Default Enforced"),
  })
  .superRefine((policy, context) => {
    for (const { path, message, hint } of policyFaults(policy)) {
      context.addIssue({ code: "custom", path, message, params: { hint } });
    }
  })
  .meta({ id: "EgressPolicy" });
export type EgressPolicy = z.infer<typeof EgressPolicy>;

/** What the gateway decided about one connection, one request inside it, or one name. */
export const EgressDecision = z
  .object({
    timestamp: z.iso.datetime(),
    protocol: z.enum(["dns", "tcp", "http", "https"]),
    host: z.string(),
    port: z.number().int().optional(),
    method: z.string().optional(),
    path: z.string().optional(),
    verdict: Verdict,
    /** false: denied in Audit mode, so that it went through. */
    isEnforced: z.boolean(),
    /** The rule's name, `hostRules[3]`, `transportRules[0]`, `default`, or what the gateway checks by itself: `name-mismatch`, `forbidden-address`. */
    rule: z.string(),
    /** A sentence for people. */
    reason: z.string(),
    /** Where it was connected to. */
    address: z.string().optional(),
    /** The group's name of the route by which it left or was to leave. Missing where it left directly since the group has no default route. */
    route: z.string().optional(),
    /** What that route is; missing where nothing was to leave. */
    routeType: z.enum(["Direct", "Interface", "Proxy"]).optional(),
    bytesSent: z.number().int().optional(),
    bytesReceived: z.number().int().optional(),
    durationMs: z.number().optional(),
  })
  .meta({ id: "EgressDecision" });
export type EgressDecision = z.infer<typeof EgressDecision>;

/** What one sandbox may reach, what was decided about what it tried, and what would be. Routes and shapes follow ACA's. */
import * as z from "zod";
import { EgressDecision, EgressPolicy } from "./egress.js";
import { endpoint } from "./endpoint.js";
import { EgressPolicyId } from "./names.js";
import { NoQuery, Sandbox, SandboxParams } from "./sandboxes.js";

export const setEgressPolicy = endpoint({
  id: "setEgressPolicy",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/egresspolicy",
  access: "user",
  summary: "Replace what a sandbox may reach",
  description:
    "The whole policy. Answers when it is in force: what begins from then on is decided by it, and connections that it does not allow any more are closed. Of a sandbox that does not run it is in force from its next start.",
  params: SandboxParams,
  query: NoQuery,
  body: EgressPolicy,
  result: Sandbox,
  errors: ["SandboxNotFound", "EgressRouteNotFound", "SecretNotFound"],
  isIdempotent: true,
});

export const setEgressPolicyId = endpoint({
  id: "setEgressPolicyId",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/:id/egressPolicyId",
  access: "user",
  summary: "Give a sandbox one of its group's egress policies",
  description:
    "It may reach what that policy says, from now on and whenever that is changed. Answers as `egresspolicy`.",
  params: SandboxParams,
  query: NoQuery,
  body: z.strictObject({ egressPolicyId: EgressPolicyId }),
  result: Sandbox,
  errors: ["SandboxNotFound", "EgressPolicyNotFound"],
  isIdempotent: true,
});

/** As ACA's entries, with all that was decided. */
const Entry = EgressDecision.extend({
  scheme: z.enum(["http", "https"]).optional(),
  /** As `rule`. */
  matchedRule: z.string(),
}).meta({ id: "EgressDecisionEntry" });

const Lists = z.object({ allowed: z.array(Entry), denied: z.array(Entry) }).meta({ id: "EgressDecisionLists" });

/** Of each kind the last 50 that were allowed and the last 50 that were denied, newest first, since the daemon started. */
export const EgressDecisions = z
  .object({
    /** Requests, and TLS connections that were not opened. */
    http: Lists,
    /** Connections that speak something else. */
    tcp: Lists,
    /** Names that nothing may reach. */
    dns: Lists,
    /** How many there were. */
    counts: z.object({ allowed: z.int(), denied: z.int() }),
    /** Of the newest one; missing where there is none. */
    lastUpdated: z.iso.datetime().optional(),
  })
  .meta({ id: "EgressDecisions" });
export type EgressDecisions = z.infer<typeof EgressDecisions>;

export const getEgressDecisions = endpoint({
  id: "getEgressDecisions",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/egressDecisions",
  access: "reader",
  summary: "Read what a sandbox tried to reach last, and what was decided",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: EgressDecisions,
  errors: ["SandboxNotFound"],
});

/** A line of the stream. */
export const EgressDecisionLine = z
  .union([
    EgressDecision,
    /** The reader was too slow: so many are not told. */
    z.strictObject({ lost: z.int() }),
  ])
  .meta({ id: "EgressDecisionLine" });
export type EgressDecisionLine = z.infer<typeof EgressDecisionLine>;

export const streamEgressDecisions = endpoint({
  id: "streamEgressDecisions",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/egressDecisions/stream",
  access: "reader",
  summary: "Follow what a sandbox tries to reach, and what is decided",
  description:
    "JSON lines (application/x-ndjson), an EgressDecision each from now on, and an empty line every 15 s; a reader finds `{lost: N}` where N are not told, since it was too slow or they were too many at once. It goes on while the sandbox is stopped, and ends when it is deleted.",
  params: SandboxParams,
  query: NoQuery,
  body: "none",
  result: "bytes",
  resultTypes: ["application/x-ndjson"],
  errors: ["SandboxNotFound"],
});

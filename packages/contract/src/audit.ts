/** The audit log: who did what, and who was turned away. Never what was sent. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { wholeNumber } from "./names.js";
import { GroupParams } from "./sandboxes.js";

export const AuditRecord = z
  .object({
    /** Grows with every record of its log, the server's or the group's; never reused. */
    sequence: z.number().int(),
    at: z.iso.datetime(),
    /** `owner` of the daemon, `key:ID`, `oidc:SUBJECT`, `group:NAME`; `unknown` where nobody knows who it was. */
    principal: z.string(),
    name: z.string(),
    group: z.string().optional(),
    /** The id of the endpoint that was called. */
    endpoint: z.string(),
    /** The parameters of its path. */
    target: z.record(z.string(), z.string()),
    /** Of the answer; 101 for a WebSocket, 499 where the client was gone before it. */
    status: z.number().int(),
    requestId: z.string(),
    /** The address that the call came from; `socket` for the daemon's own. */
    peer: z.string(),
    /** Of how many refusals this one record tells: those beyond 30 in a minute, and all of unknown callers, are counted. */
    count: z.number().int().optional(),
  })
  .meta({ id: "AuditRecord" });
export type AuditRecord = z.infer<typeof AuditRecord>;

const filters = {
  /** Records from then on. */
  since: z.iso.datetime({ offset: true }).exactOptional(),
  /** Records before then. */
  until: z.iso.datetime({ offset: true }).exactOptional(),
  /** A principal, as it stands in the records. */
  caller: z.string().min(1).max(300).exactOptional(),
  /** Records before this one: the last sequence of the page before. */
  before: wholeNumber(1, Number.MAX_SAFE_INTEGER).exactOptional(),
  /** Default 100. */
  pageSize: wholeNumber(1, 1_000).exactOptional(),
};

export const AuditQuery = z.strictObject(filters);
export type AuditQuery = z.infer<typeof AuditQuery>;

const whatIsRecorded =
  "Newest first: every call that changes something, every export of a snapshot, every WebSocket, and every refusal; the newest 100,000 of the server and of each group, unless `auditKept` says otherwise.";

export const listAudit = endpoint({
  id: "listAudit",
  method: "GET",
  path: "/v1/audit",
  access: "admin",
  summary: "Read who did what on this server",
  description: `${whatIsRecorded} With the records of every group.`,
  params: z.strictObject({}),
  query: AuditQuery,
  body: "none",
  result: z.array(AuditRecord),
});

export const listGroupAudit = endpoint({
  id: "listGroupAudit",
  method: "GET",
  path: "/v1/groups/:group/audit",
  access: "owner",
  summary: "Read who did what in a group",
  description: whatIsRecorded,
  params: GroupParams,
  query: AuditQuery,
  body: "none",
  result: z.array(AuditRecord),
});

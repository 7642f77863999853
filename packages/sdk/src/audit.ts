/** The audit log: who did what, and who was turned away. */
import { type AuditRecord, listAudit, listGroupAudit } from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { Paginated } from "./paginated.js";
import type { Scope } from "./scope.js";
import type { Transport } from "./transport.js";

export interface AuditOptions extends Abortable {
  readonly since?: Date | string | undefined;
  readonly until?: Date | string | undefined;
  /** A principal: `owner`, `key:ID`, `oidc:SUBJECT`. */
  readonly caller?: string | undefined;
  /** How many are asked for at once, 1 to 1,000; default 100. */
  readonly pageSize?: number | undefined;
}

const defaultPageSize = 100;

/** Newest first; of every group. */
export function serverAudit(transport: Transport, options: AuditOptions): Paginated<AuditRecord> {
  return pages(options, (query) => call(transport, listAudit, { params: {}, query, signal: options.signal }));
}

/** Newest first. */
export function groupAudit({ transport, params }: Scope, options: AuditOptions): Paginated<AuditRecord> {
  return pages(options, (query) => call(transport, listGroupAudit, { params, query, signal: options.signal }));
}

interface Query {
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly caller: string | undefined;
  readonly before: number | undefined;
  readonly pageSize: number;
}

function pages(
  { since, until, caller, pageSize = defaultPageSize }: AuditOptions,
  read: (query: Query) => Promise<AuditRecord[]>,
): Paginated<AuditRecord> {
  const filter = { since: instant(since), until: instant(until), caller };
  return new Paginated({
    read: ({ before, ...page }) =>
      read({ ...filter, ...page, before: before === undefined ? undefined : Number(before) }),
    idOf: ({ sequence }) => String(sequence),
    createdAt: ({ at }) => at,
    pageSize,
  });
}

function instant(time: Date | string | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time;
}

/**
 * The audit log: rings, one of the server, one of refusals and one of each group, so that nobody's doings push out another's.
 * Each keeps its newest records, numbered within the ring; the sequence runs over all.
 */
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export interface AuditEntry {
  /** Whose ring: a group's, or one of the two that belong to none. */
  readonly ring: { readonly group: string } | "server" | "refusals";
  readonly at: number;
  readonly principal: string;
  readonly endpoint: string;
  readonly status: number;
  /** The rest, as JSON. */
  readonly body: string;
}

export interface AuditRow {
  readonly sequence: number;
  /** Within its ring. */
  readonly number: number;
  readonly group: string | null;
  readonly at: number;
  readonly principal: string;
  readonly endpoint: string;
  readonly status: number;
  readonly body: string;
}

export interface AuditFilter {
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly principal?: string | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

export type AuditQueries = ReturnType<typeof auditQueries>;

export function auditQueries(database: Database.Database) {
  const newest = one<{ number: number | null }>(database, "select max(number) as number from audit where ring = @ring");
  const insert = write(
    database,
    `insert into audit (ring, number, group_name, at, principal, endpoint, status, body)
     values (@ring, @number, @group, @at, @principal, @endpoint, @status, @body)`,
  );
  const trim = write(database, "delete from audit where ring = @ring and number <= @number");
  const whole = reader(database, { condition: "true", place: "sequence" });
  const ofRing = reader(database, { condition: "ring = @ring", place: "number" });
  return {
    /** As part of a transaction; forgets what the ring has no room for. */
    append({ ring, ...entry }: AuditEntry, kept: number): void {
      const name = ringName(ring);
      const number = (newest({ ring: name })?.number ?? 0) + 1;
      insert({ ...entry, ring: name, number, group: typeof ring === "object" ? ring.group : null });
      trim({ ring: name, number: number - kept });
    },
    /** Of all rings, newest first. */
    list: (filter: AuditFilter): AuditRow[] => whole(filter, ""),
    listOfGroup: (group: string, filter: AuditFilter): AuditRow[] => ofRing(filter, ringName({ group })),
    /** A deleted group's records become the server's: whoever gets its name next does not read them. */
    disown: disowner(database),
  };
}

function disowner(database: Database.Database): (group: string) => void {
  const bounds = one<{ first: number | null; last: number | null }>(
    database,
    "select min(number) as first, max(number) as last from audit where ring = @ring",
  );
  const move = write(database, "update audit set ring = 'server', number = number + @by where ring = @ring");
  return (group) => {
    const ring = ringName({ group });
    const { first } = bounds({ ring }) ?? {};
    const { last } = bounds({ ring: "server" }) ?? {};
    if (first !== undefined && first !== null) move({ ring, by: (last ?? 0) + 1 - first });
  };
}

function ringName(ring: AuditEntry["ring"]): string {
  return typeof ring === "object" ? `group:${ring.group}` : ring;
}

/** By indexes alone, however little is found: a time becomes a place in the log first. */
function reader(
  database: Database.Database,
  { condition, place }: { readonly condition: string; readonly place: "sequence" | "number" },
): (filter: AuditFilter, ring: string) => AuditRow[] {
  const from = one<{ place: number }>(
    database,
    `select ${place} as place from audit where ${condition} and at >= @at and @ring = @ring order by at, sequence limit 1`,
  );
  const select = (also: string) =>
    all<AuditRow>(
      database,
      `select sequence, number, group_name as 'group', at, principal, endpoint, status, body from audit
       where ${condition} and ${also} and ${place} >= @first and ${place} < @end and @ring = @ring
       order by ${place} desc limit @limit`,
    );
  const everybody = select("true");
  const ofPrincipal = select("principal = @principal");
  const placeOf = (at: number | undefined, ring: string, otherwise: number) =>
    at === undefined ? otherwise : (from({ at, ring })?.place ?? last);
  return ({ since, until, principal, before = last, limit }, ring) => {
    const parameters = {
      first: placeOf(since, ring, 0),
      end: Math.min(before, placeOf(until, ring, last)),
      ...{ ring, limit },
    };
    return principal === undefined ? everybody(parameters) : ofPrincipal({ ...parameters, principal });
  };
}

const last = Number.MAX_SAFE_INTEGER;

/** The audit log. Writing it never fails a call: what cannot be written is told in the daemon's log. */
import type { AuditQuery, AuditRecord } from "@alcove/contract";
import type { AuditEntry, AuditFilter, AuditRow } from "../../store/audit.js";
import type { ControlContext } from "../context.js";
import type { AuditControl, Deed, Refusal } from "./access-control.js";

const defaultPageSize = 100;
const minuteMs = 60_000;
/** Of one caller in a minute; more are counted, so that nobody fills the log by being refused. */
const refusalsTold = 30;
/** Callers whose refusals are counted at a time: beyond it they are counted together. */
const callersCounted = 1_000;

export interface RunningAudit {
  readonly control: AuditControl;
  /** Writes what was only counted so far. */
  close(): void;
}

export function startAudit(context: ControlContext, kept: number): RunningAudit {
  const { gate, logger, store } = context;
  const write = (deed: Deed & { count?: number }, otherwise: "server" | "refusals") => {
    try {
      const entry = entryOf(deed, ringOf(context, deed, otherwise));
      store.unsyncedTransaction(() => store.audit.append(entry, kept));
    } catch (error) {
      const { endpoint, principal } = deed;
      logger.error({ endpoint, principal, err: error }, "The audit log is not written");
    }
  };
  const refusals = new Refusals((refusal) => write(refusal, "refusals"));
  return {
    control: {
      record: (deed) => write(deed, "server"),
      refuse: (refusal) => refusals.add(refusal),
      async list(query) {
        return store.audit.list(filterOf(query)).map((row) => toRecord(row, row.sequence));
      },
      async listOfGroup(group, query) {
        await gate.enter(group);
        return store.audit.listOfGroup(group, filterOf(query)).map((row) => toRecord(row, row.number));
      },
    },
    close: () => refusals.close(),
  };
}

/** A group's own, while there is such a group. */
function ringOf({ store }: ControlContext, { group }: Deed, otherwise: "server" | "refusals"): AuditEntry["ring"] {
  return group === undefined || store.groups.find(group) === undefined ? otherwise : { group };
}

interface Counted {
  told: number;
  untold: number;
  last: Refusal;
}

/** The first of a minute are told one by one, the rest as one record at the minute's end; those of nobody known always so. */
class Refusals {
  readonly #write: (refusal: Refusal & { count?: number }) => void;
  readonly #counted = new Map<string, Counted>();
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (refusal: Refusal & { count?: number }) => void) {
    this.#write = write;
  }

  add(refusal: Refusal): void {
    const counted = this.#countOf(refusal);
    counted.last = refusal;
    this.#timer ??= setTimeout(() => this.close(), minuteMs).unref();
    if (refusal.principal === unknown || counted.told >= refusalsTold) {
      counted.untold += 1;
      return;
    }
    counted.told += 1;
    this.#write(refusal);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { last, untold } of this.#counted.values()) {
      if (untold > 0) this.#write({ ...last, count: untold });
    }
    this.#counted.clear();
  }

  #countOf(refusal: Refusal): Counted {
    const isFull = this.#counted.size >= callersCounted && !this.#counted.has(refusal.principal);
    const principal = isFull ? unknown : refusal.principal;
    const counted = this.#counted.get(principal) ?? { told: 0, untold: 0, last: refusal };
    this.#counted.set(principal, counted);
    return counted;
  }
}

const unknown = "unknown";

function entryOf(
  { principal, endpoint, status, ...rest }: Deed & { count?: number },
  ring: AuditEntry["ring"],
): AuditEntry {
  const { name, target, requestId, peer, count } = rest;
  const body = JSON.stringify({ name, target, requestId, peer, ...(count === undefined ? {} : { count }) });
  return { ring, at: Date.now(), principal, endpoint, status, body };
}

function toRecord({ at, principal, group, endpoint, status, body }: AuditRow, sequence: number): AuditRecord {
  return {
    ...{ sequence, at: new Date(at).toISOString(), principal },
    ...(group === null ? {} : { group }),
    ...{ endpoint, status },
    ...JSON.parse(body),
  };
}

function filterOf({ since, until, caller, before, pageSize = defaultPageSize }: AuditQuery): AuditFilter {
  return {
    ...(since === undefined ? {} : { since: Date.parse(since) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
    principal: caller,
    before,
    limit: pageSize,
  };
}

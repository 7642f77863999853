/**
 * Who calls, and whether it may: the one place that answers both, for requests and WebSockets alike. It goes on asking
 * while something is under way, and tells the audit log when it is over.
 */
import type { IncomingMessage } from "node:http";
import { AlcoveError } from "@alcove/contract";
import type { Caller, Demand, Verdict } from "../control/access/access-control.js";
import { groupNotFound } from "../control/access/gate.js";
import type { Control } from "../control/control.js";
import type { Tracer } from "../lib/tracing.js";
import { bearerToken } from "./bearer.js";
import type { Door } from "./door.js";
import { type Allowance, createAllowances } from "./rate-limits.js";
import { requestIdOf } from "./request-id.js";
import { beginRequestSpan, endRequestSpan, nameByRoute, tellTarget } from "./request-span.js";
import type { Match } from "./route-table.js";

export interface Guard {
  visit(door: Door, request: IncomingMessage): Visit;
}

/** One request or upgrade, from its arrival to its end. */
export interface Visit {
  readonly requestId: string;
  /** What the work does is part of its trace, where there is one. */
  within<T>(work: () => T): T;
  /**
   * Lets the caller in, or throws Unauthorized, TooManyRequests, Forbidden, or GroupNotFound where it may not see the group.
   * `end` is called when it may no longer, while it is still there.
   */
  admit(match: Match, end: (reason: AlcoveError) => void): Promise<Admission>;
  /** To be called once, with the status of the answer. */
  over(status: number): void;
}

export interface Admission {
  /** Undefined for nobody in particular. */
  readonly caller: Caller | undefined;
  /** Undefined where the caller has no limit. */
  readonly allowance: Allowance | undefined;
}

interface Staying {
  readonly caller: Caller;
  readonly demand: Demand;
  readonly end: (reason: AlcoveError) => void;
}

/** How soon what is under way ends when its key is revoked or expires, or its role is taken away. */
const lookAgainMs = 2_000;
const longestTarget = 200;

export function createGuard(
  { access, audit, metrics }: Pick<Control, "access" | "audit" | "metrics">,
  tracer?: Tracer,
): Guard {
  const allowances = createAllowances();
  const staying = createStaying(access);
  const identify = async (door: Door, request: IncomingMessage, peer: string | undefined) => {
    const token = bearerToken(request);
    if (token === undefined) return door.caller;
    const caller = await access.authenticate(token);
    if (caller !== undefined) return caller;
    allowances.takeFailure(peer);
    // A token that is not valid gets nothing, not even what nobody needs one for.
    throw new AlcoveError("Unauthorized");
  };
  return {
    visit(door, request) {
      const began = performance.now();
      const visit: Partial<Seen> = {};
      const leave: (() => void)[] = [];
      let isOver = false;
      const requestId = requestIdOf(request);
      // Later the connection may have no address any more, and the request no connection.
      const peer = request.socket.remoteAddress;
      const span = tracer && beginRequestSpan(tracer, request, { requestId, peer });
      return {
        requestId,
        within: (work) => (span === undefined ? work() : span.run(work)),
        async admit(match, end) {
          visit.match = match;
          if (span !== undefined) nameByRoute(span, match);
          const caller = await identify(door, request, peer);
          const demand = { access: match.route.endpoint.access, group: match.params.group };
          if (caller !== undefined) visit.caller = caller;
          const allowance = caller && allowances.take(caller, demand.group);
          visit.verdict = access.decide(caller, demand);
          if (visit.verdict !== "allowed") throw refusal(visit.verdict, demand);
          if (span !== undefined) tellTarget(span, match);
          // Whoever went away while it was asked who it is has nothing under way that would end.
          if (caller === undefined || isOver) return { caller, allowance };
          leave.push(allowances.enter(caller, demand.group));
          if (caller !== door.caller) leave.push(staying.add({ caller, demand, end }));
          return { caller, allowance };
        },
        over(status) {
          isOver = true;
          for (const act of leave) act();
          const { endpoint, kind = "http" } = visit.match?.route ?? {};
          metrics.requestOver({ route: endpoint?.id, kind, status, durationMs: performance.now() - began });
          if (span !== undefined) endRequestSpan(span, status);
          tell(audit, visit, { status, requestId, peer: peer ?? "socket" });
        },
      };
    },
  };
}

function refusal(verdict: Exclude<Verdict, "allowed">, { access, group }: Demand): AlcoveError {
  if (verdict === "unknown") return new AlcoveError("Unauthorized");
  if (verdict === "hidden") return groupNotFound(group ?? "");
  if (access === "metrics")
    return new AlcoveError("Forbidden", "This needs an administrator, or the token of metricsTokenFile.");
  const needed = access === "admin" ? "an administrator of the server" : `the role ${access} in the group ${group}`;
  return new AlcoveError("Forbidden", `This needs ${needed}.`);
}

/** Asks again and again about those who are there. */
function createStaying(access: Control["access"]) {
  const all = new Set<Staying>();
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const now = new Map<string, Caller | undefined>();
    for (const { caller, demand, end } of all) {
      const { principal } = caller;
      if (!now.has(principal)) now.set(principal, access.renew(caller));
      const verdict = access.decide(now.get(principal), demand);
      if (verdict !== "allowed") end(refusal(verdict, demand));
    }
  };
  return {
    add(one: Staying): () => void {
      all.add(one);
      timer ??= setInterval(look, lookAgainMs).unref();
      return () => {
        all.delete(one);
        if (all.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
  };
}

interface Seen {
  match: Match;
  caller: Caller;
  verdict: Verdict;
}

/** Changes, WebSockets, refusals and what says so are worth a record. */
function tell(
  audit: Control["audit"],
  { match, caller, verdict }: Partial<Seen>,
  answer: { readonly status: number; readonly requestId: string; readonly peer: string },
): void {
  if (match === undefined) return;
  const { route, params } = match;
  const { method, isAudited = method !== "GET" } = route.endpoint;
  const target = Object.fromEntries(Object.entries(params).map(([name, text]) => [name, text.slice(0, longestTarget)]));
  const deed = { endpoint: route.endpoint.id, target, ...answer };
  if (caller === undefined) {
    if (answer.status >= 400) audit.refuse({ ...deed, principal: "unknown", name: "", group: undefined });
    return;
  }
  const { principal, name } = caller;
  const group = verdict === "hidden" ? undefined : params.group;
  if (verdict !== "allowed" || answer.status === 429) audit.refuse({ ...deed, principal, name, group });
  else if (route.kind === "socket" || isAudited) audit.record({ ...deed, principal, name, group });
}

/** One request from its head to the end of its answer: checked, decided, sent to where the decision says, told. */
import { isDeepStrictEqual } from "node:util";
import { decide } from "../../policy/egress/decide.js";
import { authorityOf } from "./asked-authority.js";
import { DecisionRecord } from "./decision-record.js";
import { DialFailure } from "./dial-failure.js";
import type { FinalVerdict } from "./final-verdict.js";
import type { HttpFlow } from "./flow.js";
import { forward } from "./forwarding.js";
import { literalChanges, refsOf } from "./literal-changes.js";
import type { ProgramRequest } from "./program-request.js";
import { type Refusal, refused } from "./refusal.js";
import { checkRequest } from "./request-check.js";
import { type Result, resultOf, sendingOf } from "./sending.js";
import type { UnderWay } from "./under-way.js";
import type { Upstreams } from "./upstreams.js";
import { ValueFailure } from "./value-failure.js";

export interface ExchangeContext {
  /** Those under way, to be asked again when the policy changes. */
  readonly underWay: Set<UnderWay>;
  readonly flow: HttpFlow;
  readonly protocol: "http/1" | "h2";
  readonly upstreams: Upstreams;
}

/** Fulfils when it is over, however it went. */
export async function exchange(request: ProgramRequest, context: ExchangeContext): Promise<void> {
  const { flow, protocol } = context;
  const record = new DecisionRecord(flow, request);
  const { scheme, host, port } = flow;
  const checked = checkRequest(request, { scheme, host, port, protocol });
  if ("refusal" in checked) return refuse(request, checked.refusal, { flow, record });
  const leave = flow.enter?.();
  if (flow.enter !== undefined && leave === undefined) return refuse(request, tooMany, { flow, record });
  try {
    await decided({ request, path: checked.path, record }, context);
  } finally {
    leave?.();
  }
}

interface Asked {
  readonly request: ProgramRequest;
  readonly path: string;
  readonly record: DecisionRecord;
}

async function decided({ request, path, record }: Asked, context: ExchangeContext): Promise<void> {
  const { flow, upstreams, underWay } = context;
  const { scheme, host, port } = flow;
  const ask = () => decide(flow.compiled(), { scheme, host, port, method: request.method, path });
  const verdict = await flow.finalVerdict(ask, { request, path, flow, underWay });
  if (verdict.isDenied && !flow.isAudit()) return refuse(request, { status: 403, ...verdict }, { flow, record });
  const result = resultOf(verdict, { flow, path });
  const way = flow.wayOf(verdict.route);
  record.way = way;
  const recheck = () => {
    const { isDenied, rule, route } = ask();
    const isElsewhere = !isDeepStrictEqual(flow.wayOf(route).route, way.route);
    const address = record.sentTo?.address;
    const isBanned = address !== undefined && !flow.mayReach(address, result.destination.port);
    if (!isBanned && !isElsewhere && (!isDenied || flow.isAudit())) return;
    const reason = "the policy was changed, and does not let this request go on";
    const stopper = isBanned ? "forbidden-address" : isDenied && !flow.isAudit() ? rule : "no-route";
    record.tell({ verdict: "Deny", rule: stopper, reason });
    request.answer.reset();
  };
  const one = { recheck };
  underWay.add(one);
  try {
    await sent({ request, record, verdict, result }, { flow, upstreams });
  } finally {
    underWay.delete(one);
  }
}

interface Permitted extends Omit<Asked, "path"> {
  readonly verdict: FinalVerdict;
  readonly result: Result;
}

async function sent(
  { request, record, verdict, result }: Permitted,
  { flow, upstreams }: Pick<ExchangeContext, "flow" | "upstreams">,
): Promise<void> {
  try {
    const { destination } = result;
    let upstream = await upstreams.open(destination);
    const resolve = await flow.valuesFor(refsOf(result.changes));
    while (!upstream.hasRoom) upstream = await upstreams.open(destination);
    if (!request.answer.isOpen) return tell(record, verdict, goneEarly);
    // Nothing waits from here on until it is sent: what is in force now counts, and the filter knows all that is sent.
    const changes = literalChanges(result.changes, (ref) => resolve(ref, destination.host));
    const echoes = flow.echoes();
    const sending = sendingOf(request, { verdict, result, changes, echoes }, flow);
    const { fault } = await forward({ request, sending, changes, record, echoes }, upstream);
    tell(record, verdict, fault);
  } catch (error) {
    if (request.answer.isOpen) refuse(request, failureOf(error), { flow, record });
    else tell(record, verdict, goneEarly);
  }
}

const goneEarly = "the program was gone before it could be sent";

function tell(record: DecisionRecord, verdict: FinalVerdict, fault: string | undefined): void {
  const { isDenied, rule } = verdict;
  const told = fault === undefined ? detailed(verdict) : `${detailed(verdict)}; ${fault}`;
  record.tell({ verdict: isDenied ? "Deny" : "Allow", isEnforced: !isDenied, rule, reason: told });
}

const tooMany: Refusal = {
  status: 503,
  rule: "too-many-requests",
  reason: "the sandbox has too many requests under way",
  hint: "Wait for some of them to end.",
};

function failureOf(error: unknown): Refusal {
  if (error instanceof ValueFailure) return { status: 502, rule: "no-value", reason: error.message, hint: error.hint };
  const status = error instanceof DialFailure && error.rule === "forbidden-address" ? 403 : 502;
  const rule = error instanceof DialFailure ? error.rule : "upstream-answer";
  return { status, rule, reason: (error as Error).message, hint: hints[rule] };
}

const hints = {
  "forbidden-address": "A transportRules Allow rule would have to name the address.",
  "no-route": "The group's owner has to define the route, or to set its credentials.",
  unresolved: "Look at the name's spelling.",
  unreachable: "The server may be down; try again later.",
  "bad-certificate": "The server's certificate has to be valid for its name, or its authority known to the group.",
  "upstream-answer": "The server did not answer as HTTP has it.",
} as const;

function refuse(
  request: ProgramRequest,
  refusal: Refusal,
  { flow, record }: { flow: HttpFlow; record: DecisionRecord },
): void {
  record.tell({ verdict: "Deny", rule: refusal.rule, reason: detailed(refusal) });
  const { answer } = request;
  if (!answer.isOpen) return;
  if (answer.hasBegun) {
    answer.reset();
    return;
  }
  const path = request.target.startsWith("/") ? request.target.replace(/[?#].*$/s, "") : "";
  const { body, ...head } = refused(refusal, `${request.method} ${flow.scheme}://${authorityOf(flow)}${path}`);
  const hasBody = request.method !== "HEAD";
  const stream = answer.begin(head, hasBody);
  if (hasBody) stream.write(body);
  answer.end([]);
}

function detailed({ reason, detail }: { readonly reason: string; readonly detail?: string }): string {
  return detail === undefined ? reason : `${reason}: ${detail}`;
}

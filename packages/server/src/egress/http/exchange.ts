/** One request from its head to the end of its answer: checked, decided, sent to where the decision says, told. */
import { type EgressAction, type HeaderChange, normalizeHost } from "@alcove/contract";
import { decide } from "../../policy/egress/decide.js";
import type { EgressVerdict } from "../../policy/egress/verdict.js";
import { authorityOf, defaultPorts } from "./asked-authority.js";
import { DecisionRecord } from "./decision-record.js";
import { DialFailure } from "./dial-failure.js";
import type { HttpFlow } from "./flow.js";
import { forward } from "./forwarding.js";
import { changed, endToEnd, type HeaderList, valuesOf } from "./header-list.js";
import type { ProgramRequest } from "./program-request.js";
import { type Refusal, refused } from "./refusal.js";
import { checkRequest } from "./request-check.js";
import type { UpstreamRequest } from "./upstream.js";
import type { Destination, Upstreams } from "./upstreams.js";

export interface ExchangeContext {
  /** Those under way, to be asked again when the policy changes. */
  readonly underWay: Set<UnderWay>;
  readonly flow: HttpFlow;
  readonly protocol: "http/1" | "h2";
  readonly upstreams: Upstreams;
}

export interface UnderWay {
  /** Breaks it off, where the policy does not let it go on. */
  recheck(): void;
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
  const verdict = ask();
  if (verdict.isDenied && !flow.isAudit()) return refuse(request, { status: 403, ...verdict }, { flow, record });
  const result = resultOf(verdict, { flow, path });
  const recheck = () => {
    const { isDenied, rule } = ask();
    const address = record.sentTo?.address;
    const isBanned = address !== undefined && !flow.mayReach(address, result.destination.port);
    if (!isBanned && (!isDenied || flow.isAudit())) return;
    const reason = "the policy was changed, and does not let this request go on";
    record.tell({ verdict: "Deny", rule: isBanned ? "forbidden-address" : rule, reason });
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
  readonly verdict: EgressVerdict;
  readonly result: Result;
}

async function sent(
  { request, record, verdict, result }: Permitted,
  { flow, upstreams }: Pick<ExchangeContext, "flow" | "upstreams">,
): Promise<void> {
  const { destination, changes, path } = result;
  try {
    const upstream = await upstreams.open(destination);
    if (!request.answer.isOpen) return tell(record, verdict, goneEarly);
    const sending = sendingOf({ request, path, changes, destination, flow });
    const { fault } = await forward({ request, sending, changes, record }, upstream);
    tell(record, verdict, fault);
  } catch (error) {
    if (request.answer.isOpen) refuse(request, failureOf(error), { flow, record });
    else tell(record, verdict, goneEarly);
  }
}

const goneEarly = "the program was gone before it could be sent";

function tell(record: DecisionRecord, { isDenied, rule, reason }: EgressVerdict, fault: string | undefined): void {
  const told = fault === undefined ? reason : `${reason}; ${fault}`;
  record.tell({ verdict: isDenied ? "Deny" : "Allow", isEnforced: !isDenied, rule, reason: told });
}

interface Result {
  readonly destination: Destination;
  readonly changes: readonly HeaderChange[];
  readonly path: string;
}

/** Where a request goes, and as what. What is denied and goes through in Audit mode goes as it is. */
function resultOf({ action }: EgressVerdict, asked: { readonly flow: HttpFlow; readonly path: string }): Result {
  const { flow, path } = asked;
  const unchanged = { scheme: flow.scheme, host: flow.host, port: flow.port };
  if (action.type === "Transform") return { destination: unchanged, changes: action.headers, path };
  if (action.type !== "Rewrite") return { destination: unchanged, changes: [], path };
  const query = /\?.*$/s.exec(path)?.[0] ?? "";
  return {
    destination: rewritten(action, flow),
    changes: action.headers ?? [],
    path: action.path === undefined ? path : `${action.path}${query}`,
  };
}

function rewritten(action: Extract<EgressAction, { type: "Rewrite" }>, flow: HttpFlow): Destination {
  const scheme = action.scheme ?? flow.scheme;
  const host = action.host === undefined ? flow.host : (normalizeHost(action.host)?.host ?? action.host);
  // A port that goes with the scheme goes along with it.
  const port = flow.port === defaultPorts[flow.scheme] ? defaultPorts[scheme] : flow.port;
  return { scheme, host, port };
}

function sendingOf(
  given: Pick<Result, "destination" | "changes" | "path"> & Pick<Asked, "request"> & Pick<ExchangeContext, "flow">,
): UpstreamRequest {
  const { request, destination, changes, path, flow } = given;
  const headers: HeaderList = changed(endToEnd(request.headers), changes);
  return {
    method: request.method,
    scheme: destination.scheme,
    authority: sentAuthority(request, destination, flow),
    path,
    headers,
    hasBody: request.body !== undefined,
    takesTrailers: valuesOf(request.headers, "te").some((value) => /\btrailers\b/i.test(value)),
    isWebSocket: request.isWebSocket,
  };
}

/** As the program wrote it, where that is the same but for case and the default port: some sign it. */
function sentAuthority({ authorities }: ProgramRequest, destination: Destination, { host, scheme }: HttpFlow): string {
  const canonical = authorityOf(destination);
  const asked = authorities[0] ?? canonical;
  if (destination.host !== host || destination.scheme !== scheme) return canonical;
  const withPort = `${canonical}:${destination.port}`;
  return [canonical, withPort].includes(asked.toLowerCase()) ? asked : canonical;
}

const tooMany: Refusal = {
  status: 503,
  rule: "too-many-requests",
  reason: "the sandbox has too many requests under way",
  hint: "Wait for some of them to end.",
};

function failureOf(error: unknown): Refusal {
  const status = error instanceof DialFailure && error.rule === "forbidden-address" ? 403 : 502;
  const rule = error instanceof DialFailure ? error.rule : "upstream-answer";
  return { status, rule, reason: (error as Error).message, hint: hints[rule] };
}

const hints = {
  "forbidden-address": "A transportRules Allow rule would have to name the address.",
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
  const { rule, reason } = refusal;
  record.tell({ verdict: "Deny", rule, reason });
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

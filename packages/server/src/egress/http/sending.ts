/** What a request becomes on its way: where it goes, and as what. */
import { type EgressAction, type HeaderChange, normalizeHost } from "@alcove/contract";
import type { EchoFilter } from "../echoes/echo-filter.js";
import { changed, endToEnd, type LiteralChange, valuesOf } from "../message/header-list.js";
import { authorityOf, defaultPorts } from "./asked-authority.js";
import type { FinalVerdict } from "./final-verdict.js";
import type { HttpFlow } from "./flow.js";
import { putIn } from "./placed-values.js";
import type { ProgramRequest } from "./program-request.js";
import type { UpstreamRequest } from "./upstream.js";
import type { Destination } from "./upstreams.js";

export interface Result {
  readonly destination: Destination;
  readonly changes: readonly HeaderChange[];
  readonly path: string;
}

/** Where a request goes, and as what. What is denied and goes through in Audit mode goes as it is. */
export function resultOf(
  { action, route }: FinalVerdict,
  asked: { readonly flow: HttpFlow; readonly path: string },
): Result {
  const { flow, path } = asked;
  const unchanged = { scheme: flow.scheme, host: flow.host, port: flow.port, route };
  if (action.type === "Transform") return { destination: unchanged, changes: action.headers, path };
  if (action.type !== "Rewrite") return { destination: unchanged, changes: [], path };
  const query = /\?.*$/s.exec(path)?.[0] ?? "";
  return {
    destination: { ...rewritten(action, flow), route },
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

interface Decided {
  readonly verdict: FinalVerdict;
  readonly result: Result;
  readonly changes: readonly LiteralChange[];
  readonly echoes: EchoFilter | undefined;
}

/** @throws ValueFailure */
export function sendingOf(
  request: ProgramRequest,
  { verdict, result, changes, echoes }: Decided,
  flow: HttpFlow,
): UpstreamRequest {
  const { destination } = result;
  const values = mayPutIn(verdict, destination, flow) ? flow.placedValues() : [];
  const sent = endToEnd(request.headers);
  const placed = putIn({ headers: echoes?.asked(sent) ?? sent, path: result.path }, values);
  return {
    method: request.method,
    scheme: destination.scheme,
    authority: sentAuthority(request, destination, flow),
    path: placed.path,
    headers: changed(placed.headers, changes),
    hasBody: request.body !== undefined,
    takesTrailers: valuesOf(request.headers, "te").some((value) => /\btrailers\b/i.test(value)),
    isWebSocket: request.isWebSocket,
  };
}

/** Only to the host that the program asked, over TLS on both sides; what is denied and goes through in Audit mode goes as it is. */
function mayPutIn({ isDenied }: FinalVerdict, { scheme, host }: Destination, flow: HttpFlow): boolean {
  return !isDenied && flow.scheme === "https" && scheme === "https" && host === flow.host;
}

/** As the program wrote it, where that is the same but for case and the default port: some sign it. */
function sentAuthority({ authorities }: ProgramRequest, destination: Destination, { host, scheme }: HttpFlow): string {
  const canonical = authorityOf(destination);
  const asked = authorities[0] ?? canonical;
  if (destination.host !== host || destination.scheme !== scheme) return canonical;
  const withPort = `${canonical}:${destination.port}`;
  return [canonical, withPort].includes(asked.toLowerCase()) ? asked : canonical;
}

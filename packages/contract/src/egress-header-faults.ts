/** Headers that a rule sends, or that its endpoint is sent: which are unsafe, or nothing that a rule could set. */
import type { Fault } from "./addresses.js";
import type { EgressRule, HeaderChange } from "./egress.js";
import { actionOf, schemeOf } from "./egress-rules.js";
import { normalizeHost } from "./hosts.js";
import { parseUrl } from "./parse-url.js";

interface FaultAt extends Fault {
  readonly path: (string | number)[];
}

/** Framing is the connection's own affair; a credential in plain HTTP goes to whoever answers there. */
export function headerFaults(rule: EgressRule): FaultAt[] {
  const action = actionOf(rule);
  const headers = "headers" in action ? (action.headers ?? []) : [];
  const sent = action.type === "Rewrite" ? action.scheme : undefined;
  const isPlain = ["http", "any"].includes(sent ?? schemeOf(rule));
  const hint = "Give the rule scheme https, and a Rewrite too.";
  return headers.flatMap((change, at) => changeFaults(change, { isPlain, hint }, ["action", "headers", at]));
}

export function hookFaults({ hookRef }: EgressRule): FaultAt[] {
  if (hookRef === undefined) return [];
  const { endpoint, authHeaders = [] } = hookRef;
  const isPlain = /^http:/i.test(endpoint);
  const hint = "Give the endpoint by https.";
  return [
    ...endpointFaults(endpoint),
    ...authHeaders.flatMap((change, at) => {
      const path = ["hookRef", "authHeaders", at];
      if (change.operation === "Set") return changeFaults(change, { isPlain, hint }, path);
      return [{ path: [...path, "operation"], message: "must be Set", hint: "What is sent is made anew each time." }];
    }),
  ];
}

function endpointFaults(endpoint: string): FaultAt[] {
  const path = ["hookRef", "endpoint"];
  const url = parseUrl(endpoint);
  if (url === undefined || normalizeHost(url.hostname) === undefined) {
    return [{ path, message: "must name a host or an address", hint: "Write https://example.com/decide." }];
  }
  if (url.username === "" && url.password === "") return [];
  return [{ path, message: "must name no user", hint: "Send credentials in authHeaders, by valueRef." }];
}

interface Sent {
  /** It may go in plain HTTP. */
  readonly isPlain: boolean;
  readonly hint: string;
}

function changeFaults(change: HeaderChange, { isPlain, hint }: Sent, path: FaultAt["path"]): FaultAt[] {
  const { operation, name } = change;
  if (framing.has(name.toLowerCase())) {
    const message = "must not be a header of the connection itself";
    return [{ path: [...path, "name"], message, hint: "The gateway sets it; a Rewrite's host sets Host." }];
  }
  if (operation === "Remove" || !isPlain) return [];
  if (change.valueRef !== undefined) {
    const message = "must be left out where it may go in plain HTTP";
    return [{ path: [...path, "valueRef"], message, hint }];
  }
  if (!credential.test(name)) return [];
  const message = "must not be a credential where requests may go in plain HTTP";
  return [{ path: [...path, "name"], message, hint }];
}

/** Of the connection itself (RFC 9110, 7.6.1): nobody passes them on. */
export const hopByHopHeaders: readonly string[] = [
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
];

/** With what says where a message ends and whom it is for. */
const framing: ReadonlySet<string> = new Set([...hopByHopHeaders, "content-length", "host", "trailer"]);

const credential =
  /^cookie2?$|(?:^|[-_])(?:authorization|auth|api-?key|key|token|secret|password|credentials?|session)(?:$|[-_])/i;

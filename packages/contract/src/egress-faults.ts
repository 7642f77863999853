/** What is wrong with a policy as a whole: combinations that are unsafe, or that can mean nothing. Each by its field. */
import type { Fault } from "./addresses.js";
import type { EgressAction, EgressPolicy, EgressRule, HeaderChange } from "./egress.js";
import { normalizeHost } from "./hosts.js";

interface FaultAt extends Fault {
  readonly path: (string | number)[];
}

export function policyFaults(policy: EgressPolicy): readonly FaultAt[] {
  const rules = policy.rules ?? [];
  return [
    ...inspectionFaults(policy),
    ...nameFaults(rules),
    ...rules.flatMap((rule, at) =>
      [...matchFaults(rule), ...actionFaults(rule), ...credentialFaults(rule)].map((fault) => ({
        ...fault,
        path: ["rules", at, ...fault.path],
      })),
    ),
  ];
}

function inspectionFaults({ trafficInspection, defaultAction, rules = [] }: EgressPolicy): readonly FaultAt[] {
  if (trafficInspection === "Partial" && defaultAction === "Deny") {
    const hint = "Say Full, or leave trafficInspection out: TLS is opened where a rule needs it.";
    return [{ path: ["trafficInspection"], message: "must not be Partial where defaultAction is Deny", hint }];
  }
  const opener = trafficInspection === "None" ? rules.find(needsOpenTls) : undefined;
  if (opener === undefined) return [];
  const message = `must not be None where rule "${opener.name}" looks into TLS`;
  const hint = "Say Full, leave trafficInspection out, or give the rule scheme http.";
  return [{ path: ["trafficInspection"], message, hint }];
}

function needsOpenTls({ match, action }: EgressRule): boolean {
  const scheme = schemeOf({ match, action });
  if (scheme === "http" || scheme === "tcp") return false;
  return looksIntoRequests(match, action);
}

/** Whether a rule is about single requests, so that TLS has to be opened for it. */
export function looksIntoRequests(
  { path, methods }: { readonly path?: unknown; readonly methods?: unknown },
  { type }: EgressAction,
): boolean {
  return path !== undefined || methods !== undefined || type === "Transform" || type === "Rewrite";
}

/** What a rule is for when it does not say: everything when it denies, else https. */
export function schemeOf({ match, action }: Pick<EgressRule, "match" | "action">): "http" | "https" | "tcp" | "any" {
  return match.scheme ?? (action.type === "Deny" ? "any" : "https");
}

function nameFaults(rules: readonly EgressRule[]): FaultAt[] {
  const seen = new Set<string>(reservedNames);
  return rules.flatMap(({ name }, at) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const isReserved = reservedNames.includes(name);
    const message = isReserved ? "must not be a name that decisions use themselves" : "must be unique in the policy";
    return [{ path: ["rules", at, "name"], message, hint: "Give the rule another name." }];
  });
}

/** What decisions name where no rule of the policy decided. */
const reservedNames = [
  ...["default", "name-mismatch", "forbidden-address", "unresolved", "unreachable"],
  ...["upstream-answer", "too-many-requests", "malformed-request", "refused-method", "bad-certificate", "tls-failed"],
  "unknown-name",
];

function matchFaults({ match, action }: EgressRule): FaultAt[] {
  const at = (key: string) => ["match", key];
  const { path, methods, scheme, normalizePath } = match;
  if (scheme === "tcp" && (path !== undefined || methods !== undefined)) {
    const key = path === undefined ? "methods" : "path";
    return [
      { path: at(key), message: "must be left out where scheme is tcp", hint: "Only HTTP has paths and methods." },
    ];
  }
  if (scheme === "tcp" && (action.type === "Transform" || action.type === "Rewrite")) {
    return [{ path: at("scheme"), message: `must not be tcp where the action is ${action.type}`, hint: "Say https." }];
  }
  return path === undefined || normalizePath === false
    ? []
    : pathFaults(path).map((fault) => ({ ...fault, path: at("path") }));
}

/** Paths that were normalised never look like that, so that the pattern could not match. */
function pathFaults(path: string): Fault[] {
  const raw = "or say normalizePath: false";
  if (path.includes("//")) return [{ message: "must not hold //", hint: `Write one slash, ${raw}.` }];
  if (path.includes("\\")) return [{ message: "must not hold a backslash", hint: `Write a slash, ${raw}.` }];
  if (/%[0-9a-f]{2}/i.test(path)) {
    return [{ message: "must not hold percent escapes", hint: `Write the character itself, ${raw}.` }];
  }
  if (/\/\.{1,2}(?:;[^/]*)?(?:\/|$)/.test(path)) {
    return [{ message: "must have no dot segments", hint: `Write the path without . and .., ${raw}.` }];
  }
  return [];
}

function actionFaults({ action }: EgressRule): FaultAt[] {
  if (action.type !== "Rewrite") return [];
  const { type, ...changes } = action;
  if (Object.values(changes).every((change) => change === undefined)) {
    return [{ path: ["action"], message: "must change something", hint: "Give scheme, host, path or headers." }];
  }
  if (action.host === undefined || normalizeHost(action.host) !== undefined) return [];
  const message = "must be a host name or an address";
  return [{ path: ["action", "host"], message, hint: "Write it without scheme, port, path and wildcards." }];
}

/** Framing is the connection's own affair; a credential in plain HTTP goes to whoever answers there. */
function credentialFaults(rule: EgressRule): FaultAt[] {
  const { action } = rule;
  const headers = "headers" in action ? (action.headers ?? []) : [];
  const scheme = schemeOf(rule);
  const sent = action.type === "Rewrite" ? action.scheme : undefined;
  const isPlain = ["http", "any"].includes(sent ?? scheme);
  return headers.flatMap((change, at) =>
    headerFaults(change, isPlain).map((fault) => ({ ...fault, path: ["action", "headers", at, "name"] })),
  );
}

function headerFaults({ operation, name }: HeaderChange, isPlain: boolean): Fault[] {
  if (framing.has(name.toLowerCase())) {
    return [
      {
        message: "must not be a header of the connection itself",
        hint: "The gateway sets it; a Rewrite's host sets Host.",
      },
    ];
  }
  if (operation === "Remove" || !isPlain || !credential.test(name)) return [];
  const message = "must not be a credential where requests may go in plain HTTP";
  return [{ message, hint: "Give the rule scheme https, and a Rewrite too." }];
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

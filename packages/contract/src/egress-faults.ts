/** What is wrong with a policy as a whole: combinations that are unsafe, or that can mean nothing. Each by its field. */
import type { Fault } from "./addresses.js";
import type { EgressPolicy, EgressRule } from "./egress.js";
import { headerFaults, hookFaults } from "./egress-header-faults.js";
import { actionOf, changesRequests, looksIntoRequests, schemeOf } from "./egress-rules.js";
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
      [...matchFaults(rule), ...actionFaults(rule), ...headerFaults(rule), ...hookFaults(rule)].map((fault) => ({
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

function needsOpenTls(rule: EgressRule): boolean {
  const scheme = schemeOf(rule);
  if (scheme === "http" || scheme === "tcp") return false;
  return looksIntoRequests(rule.match, actionOf(rule));
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
  ...["unknown-name", "no-value", "no-route"],
];

function matchFaults({ match, ...does }: EgressRule): FaultAt[] {
  const action = actionOf(does);
  const at = (key: string) => ["match", key];
  const { path, methods, scheme, normalizePath } = match;
  if (scheme === "tcp" && (path !== undefined || methods !== undefined)) {
    const key = path === undefined ? "methods" : "path";
    return [
      { path: at(key), message: "must be left out where scheme is tcp", hint: "Only HTTP has paths and methods." },
    ];
  }
  if (scheme === "tcp" && changesRequests(action)) {
    const what = action.type === "Hook" ? "there is a hookRef" : `the action is ${action.type}`;
    return [{ path: at("scheme"), message: `must not be tcp where ${what}`, hint: "Say https." }];
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
  if (action?.type !== "Rewrite") return [];
  const { type, ...changes } = action;
  if (Object.values(changes).every((change) => change === undefined)) {
    return [{ path: ["action"], message: "must change something", hint: "Give scheme, host, path or headers." }];
  }
  if (action.host === undefined || normalizeHost(action.host) !== undefined) return [];
  const message = "must be a host name or an address";
  return [{ path: ["action", "host"], message, hint: "Write it without scheme, port, path and wildcards." }];
}

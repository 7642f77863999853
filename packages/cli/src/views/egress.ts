/** What sandboxes may reach, what was decided, and why something would be. */
import {
  actionOf,
  type EgressDecision,
  type EgressDecisions,
  type EgressPolicy,
  type EgressTest,
  type HeaderChange,
  type NamedEgressPolicy,
  type RuleAction,
  sourceOf,
} from "@alcove/contract";
import { age, lines, table } from "../output/table.js";
import type { View } from "../output/view.js";

export const namedPolicyView: View<NamedEgressPolicy> = {
  name: ({ name }) => name,
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "DEFAULT", value: ({ policy }) => policy.defaultAction },
    { heading: "RULES", value: ({ policy }) => ruleRows(policy).length },
    { heading: "CHANGED", value: ({ updatedAt }) => age(updatedAt, Date.now()) },
    { heading: "DESCRIPTION", value: ({ description }) => description },
  ],
  details: [{ heading: "CHANGED", value: ({ updatedAt }) => updatedAt }],
  below: ({ policy }) => policyText(policy),
};

/** A line for each rule, in the order in which they are looked at. */
export function policyText(policy: EgressPolicy): string {
  const { defaultAction, trafficInspection = "as rules need it", enforcementMode = "Enforced" } = policy;
  const head = `default ${defaultAction}, TLS opened: ${trafficInspection}, ${enforcementMode}`;
  const rows = ruleRows(policy);
  return rows.length === 0 ? head : `${head}\n\n${table(["RULE", "ACTION", "WHAT"], rows)}`;
}

function ruleRows({ rules = [], hostRules = [], transportRules }: EgressPolicy): string[][] {
  return [
    ...(transportRules?.rules ?? []).map(({ action, destination, port }, index) => [
      `transportRules[${index}]`,
      action,
      `${destination}${port === undefined || port === null ? "" : ` port ${port}`}`,
    ]),
    ...rules.map(({ name, match, route, ...does }) => {
      const { methods = [], scheme, host, path = "", ports = [] } = match;
      const target = `${scheme === undefined ? "" : `${scheme}://`}${host}${path}`;
      const port = ports.length === 0 ? "" : `port ${ports.join(",")}`;
      const by = route === undefined ? "" : `by the route ${route}`;
      const action = actionOf(does);
      return [name, action.type, [methods.join(","), target, port, moreOf(action), by].filter(Boolean).join(" ")];
    }),
    ...hostRules.map(({ pattern, action }, index) => [`hostRules[${index}]`, action, pattern]),
  ];
}

/** Which endpoint is asked, and where values of headers come from. */
function moreOf(action: RuleAction): string {
  if (action.type === "Hook") {
    const { endpoint, failBehavior = "Deny", authHeaders } = action;
    return [`asks ${endpoint}`, `without an answer ${failBehavior}`, ...sources(authHeaders)].join(", ");
  }
  return "headers" in action ? sources(action.headers).join(", ") : "";
}

function sources(changes: readonly HeaderChange[] = []): string[] {
  return changes.flatMap((change) => {
    const ref = change.operation === "Remove" ? undefined : change.valueRef;
    return ref === undefined ? [] : [`${change.name} from ${sourceOf(ref)}`];
  });
}

const decisionHeadings = ["TIME", "VERDICT", "WHAT", "RULE", "ROUTE", "REASON"];

export function decisionsText({ http, tcp, dns }: EgressDecisions): string {
  const all = [http, tcp, dns].flatMap(({ allowed, denied }) => [...allowed, ...denied]);
  const rows = all.sort((one, other) => (one.timestamp < other.timestamp ? 1 : -1)).map(decisionCells);
  return rows.length === 0 ? "" : table(decisionHeadings, rows);
}

/** One that is followed: no later one can widen a column. */
export function decisionLine(decision: EgressDecision): string {
  return lines([decisionCells(decision).join("  ")]);
}

function decisionCells(decision: EgressDecision): string[] {
  const { timestamp, protocol, host, port, method, path = "", verdict, isEnforced, rule } = decision;
  const { route, routeType, reason } = decision;
  const target = `${protocol}://${host}${port === undefined ? "" : `:${port}`}${path}`;
  const by = route ?? (routeType === undefined ? "-" : routeType.toLowerCase());
  const shown = verdict === "Deny" && !isEnforced ? "Deny (audit)" : verdict;
  return [timestamp, shown, method === undefined ? target : `${method} ${target}`, rule, by, reason];
}

export function testText({
  verdict,
  action,
  rule,
  reason,
  opensTls,
  route,
  isEnforced,
  considered,
  warnings,
}: EgressTest): string {
  const steps = considered.map(({ rule: name, matched, why }) => [matched ? "*" : "", name, why]);
  return [
    `${verdict}${action === verdict ? "" : ` (${action})`} by ${rule}: ${reason}`,
    ...(action === "Hook" ? ["The rule's endpoint was not asked: what it answers decides."] : []),
    ...(opensTls ? ["TLS is opened, with a certificate of the group's authority."] : []),
    ...(route === undefined ? [] : [`It would leave by the route ${route}.`]),
    ...(isEnforced ? [] : ["The policy is one for audit: what it denies goes through, and is recorded."]),
    ...warnings.map(({ message }) => `warning: ${message}`),
    "",
    table(["", "RULE", "WHY"], steps),
  ].join("\n");
}

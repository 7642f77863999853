/** The verdict on one connection or one request. */
import { type RuleAction, sourceOf } from "@alcove/contract";
import { isAddressHost, isNormalHost } from "./address-host.js";
import type { CompiledEgress, CompiledRule } from "./compile.js";
import { matchRule, type ReadQuestion, type RuleMatch, readQuestion } from "./rule-match.js";
import { transportVerdict } from "./transport.js";
import type { EgressQuestion, EgressVerdict } from "./verdict.js";

export function decide(compiled: CompiledEgress, question: EgressQuestion): EgressVerdict {
  const asked = readQuestion(question);
  return (
    verdictBefore(compiled, asked) ??
    compiled.index.find(asked.host, asked.segments, (position) => {
      const rule = compiled.rules[position];
      return rule && verdictOf(rule, matchRule(rule, asked), asked);
    }) ??
    defaultVerdict(compiled, asked)
  );
}

/** What decides before any rule. */
export function verdictBefore(compiled: CompiledEgress, { host, port }: EgressQuestion): EgressVerdict | undefined {
  if (!isNormalHost(host)) return denied("default", `${JSON.stringify(host)} is no host in normal form`);
  const transport = isAddressHost(host) ? transportVerdict(compiled, host, port) : undefined;
  if (transport === undefined) return undefined;
  const { action, rule } = transport;
  const reason = `${rule} ${action === "Allow" ? "allows" : "denies"} connections to ${host}:${port}`;
  return { action: { type: action }, rule, reason, isDenied: action === "Deny" };
}

/** What a rule says; undefined where it does not count. */
export function verdictOf(rule: CompiledRule, match: RuleMatch, asked: ReadQuestion): EgressVerdict | undefined {
  const { name, title, action, route } = rule;
  if (match.outcome === "no") return undefined;
  if (match.outcome === "unknown") {
    if (action.type !== "Deny") return undefined;
    return denied(name, `${title} may deny it: ${doubtOf(match, asked)}`);
  }
  if (action.type === "Deny") return denied(name, `${title} denies it`);
  const allowed = { action, rule: name, isDenied: false, ...(route !== undefined && { route }) };
  if (action.type === "Allow") return { ...allowed, reason: `${title} allows it` };
  if (!isRequest(asked)) return denied(name, `${title} changes requests, and nobody looks into this connection`);
  return { ...allowed, reason: `${title} ${does[action.type]}${withValues(action)}` };
}

/** Where values come from that the rule does not have itself. */
function withValues(action: RuleAction): string {
  const changes = "headers" in action ? (action.headers ?? []) : [];
  const sources = changes.flatMap((change) => {
    const ref = change.operation === "Remove" ? undefined : change.valueRef;
    return ref === undefined ? [] : [`${change.name} from ${sourceOf(ref)}`];
  });
  return sources.length === 0 ? "" : `, ${sources.join(", ")}`;
}

const does = {
  Transform: "allows it with its headers",
  Rewrite: "allows it and sends it elsewhere",
  Hook: "leaves it to its endpoint, which is asked for each request",
} as const;

export function doubtOf({ on }: RuleMatch, asked: ReadQuestion): string {
  const value = on === "method" ? asked.method : asked.path;
  if (value === undefined) return `the ${on} is not known, since nobody looks into this connection`;
  return `not every server reads the ${on} ${JSON.stringify(value.slice(0, 200))} the same way`;
}

export function defaultVerdict({ policy }: CompiledEgress, { scheme }: EgressQuestion): EgressVerdict {
  if (policy.defaultAction === "Deny") return denied("default", "no rule allows it, and the default is Deny");
  if (scheme === "tcp" && policy.trafficInspection === "Full") {
    return denied(
      "default",
      "it is neither TLS nor HTTP, and with trafficInspection Full a rule has to say tcp or any",
    );
  }
  return {
    action: { type: "Allow" },
    rule: "default",
    reason: "no rule denies it, and the default is Allow",
    isDenied: false,
  };
}

function isRequest({ method, path }: EgressQuestion): boolean {
  return method !== undefined || path !== undefined;
}

function denied(rule: string, reason: string): EgressVerdict {
  return { action: { type: "Deny" }, rule, reason, isDenied: true };
}

/** What is known before a connection speaks: whether a name is answered, and whether TLS will have to be opened. */
import { looksIntoRequests, normalizeHost } from "@alcove/contract";
import type { CompiledEgress, CompiledRule } from "./compile.js";
import { hasHost } from "./rule-match.js";
import { transportVerdict } from "./transport.js";

/**
 * For DNS: whether something may be allowed to a name, over whatever port and scheme. False only where nothing is. Names that are not in normal
 * form never are; in Audit mode all others are.
 */
export function mayAllowName(compiled: CompiledEgress, name: string): boolean {
  const host = normalizeHost(name);
  if (host?.host !== name) return false;
  if (compiled.isAudit) return true;
  if (host.isAddress && compiled.transport.some(({ action }) => action === "Allow")) return true;
  const decided = compiled.index.find(name, anyPath, (position) => {
    const rule = compiled.rules[position];
    if (rule === undefined || !hasHost(rule, name)) return undefined;
    if (rule.action.type !== "Deny") return { isAllowed: true };
    return isUnconditional(rule) ? { isAllowed: false } : undefined;
  });
  return decided?.isAllowed ?? compiled.policy.defaultAction === "Allow";
}

/** Whether TLS to a host and port has to be opened, so that its requests can be seen. Never with trafficInspection None. */
export function mustOpen(compiled: CompiledEgress, host: string, port: number): boolean {
  const { trafficInspection } = compiled.policy;
  if (trafficInspection === "Full") return true;
  if (trafficInspection === "None" || transportVerdict(compiled, host, port) !== undefined) return false;
  const decided = compiled.index.find(host, anyPath, (position) => {
    const rule = compiled.rules[position];
    if (rule === undefined || !rule.schemes.https || !hasHost(rule, host)) return undefined;
    if (rule.ports !== undefined && !rule.ports.has(port)) return undefined;
    return { isNeeded: looksIntoRequests(rule, rule.action) };
  });
  return decided?.isNeeded ?? false;
}

const anyPath = () => undefined;

function isUnconditional(rule: CompiledRule): boolean {
  const { http, https, tcp } = rule.schemes;
  return http && https && tcp && rule.ports === undefined && rule.methods === undefined && rule.path === undefined;
}

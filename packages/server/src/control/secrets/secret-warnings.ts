/** Values that a policy's rules name and that can be seen not to go where the rules would send them. */
import { actionOf, type EgressPolicy, type EgressRule, normalizeHost, type RuleAction } from "@alcove/contract";
import { compileHosts } from "../../policy/egress/host-patterns.js";
import type { EgressWarning } from "../../policy/egress/warnings.js";
import type { Store } from "../../store/store.js";
import { secretsOfPolicy } from "./policy-secrets.js";

/** At most 100. A rule for more than one host is told of nothing: some of them may be the secret's. */
export function secretWarnings({ groupSecrets }: Store, group: string, policy: EgressPolicy): readonly EgressWarning[] {
  const warnings = (policy.rules ?? []).flatMap((rule, at): EgressWarning[] => {
    const host = destinationOf(rule);
    if (host === undefined) return [];
    return secretsOfPolicy({ ...policy, rules: [rule] }).flatMap(({ field, secret: { secretId } }): EgressWarning[] => {
      const hosts = groupSecrets.find(group, secretId)?.hosts ?? [];
      if (hosts.length === 0 || compileHosts(hosts)(host)) return [];
      const message = `rule "${rule.name}" cannot have the secret ${secretId}: it goes to its own hosts alone, and ${host} is none of them.`;
      return [{ code: "SecretNotForHost", message, field: field.replace("rules[0]", `rules[${at}]`) }];
    });
  });
  return warnings.slice(0, 100);
}

/** Where what the rule puts in would go: one host, in normal form. */
function destinationOf(rule: EgressRule): string | undefined {
  const host = hostIn(actionOf(rule)) ?? rule.match.host;
  return /[*?]/.test(host) ? undefined : normalizeHost(host)?.host;
}

function hostIn(action: RuleAction): string | undefined {
  if (action.type === "Hook") return new URL(action.endpoint).hostname;
  return action.type === "Rewrite" ? action.host : undefined;
}

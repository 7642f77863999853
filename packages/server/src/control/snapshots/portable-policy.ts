/** Policies that go from one group to another, in archives: they bring along no name of anything that a group has. */
import type { EgressPolicy } from "@alcove/contract";
import { namesValues } from "../secrets/policy-secrets.js";

/** Secrets, tokens of its identity, routes. */
export function namesWhatGroupsHave({ rules = [], ...policy }: EgressPolicy): boolean {
  return rules.some((rule) => rule.route !== undefined || namesValues({ ...policy, rules: [rule] }));
}

/** Rules that name any deny. */
export function portablePolicy(policy: EgressPolicy): EgressPolicy {
  if (policy.rules === undefined) return policy;
  const rules = policy.rules.map((rule) => {
    const { name, match } = rule;
    const isPortable = !namesWhatGroupsHave({ ...policy, rules: [rule] });
    return isPortable ? rule : { name, match, action: { type: "Deny" as const } };
  });
  return { ...policy, rules };
}

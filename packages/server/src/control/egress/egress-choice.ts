/** Which policy a sandbox has: asked for, its snapshot's, its group's, or none. */
import { AlcoveError, type CreateSandbox, type EgressPolicy } from "@alcove/contract";
import { type EgressChoice, noEgress } from "../../store/egress-policies.js";
import type { GroupRecord } from "../../store/groups.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Store } from "../../store/store.js";

type Asked = Pick<CreateSandbox, "egressPolicy" | "egressPolicyId">;

/** Undefined where the request says nothing. */
export function askedEgress({ egressPolicy, egressPolicyId }: Asked): EgressChoice | undefined {
  if (egressPolicy !== undefined && egressPolicyId !== undefined) {
    throw new AlcoveError("InvalidRequest", "egressPolicy and egressPolicyId exclude each other.", {
      field: "egressPolicyId",
      value: egressPolicyId,
      hint: "Give the sandbox a policy of its own, or one of the group's by name.",
    });
  }
  if (egressPolicyId !== undefined) return { policyId: egressPolicyId };
  return egressPolicy && { policy: egressPolicy };
}

/** Of a sandbox that says nothing. */
export function defaultEgress({ defaults }: GroupRecord): EgressChoice {
  return askedEgress(defaults) ?? noEgress;
}

/** The policy as it is now; one that nobody has allows nothing. */
export function policyOf({ egressPolicies }: Store, group: string, choice: EgressChoice): EgressPolicy {
  if ("policy" in choice) return choice.policy;
  return egressPolicies.find(group, choice.policyId)?.policy ?? { defaultAction: "Deny" };
}

/** Asked once more in the moment before something that refers to it is recorded; from then on it stays. */
export function requirePolicy(
  { egressPolicies }: Store,
  { group, egress, field = "egressPolicyId" }: Pick<SandboxRecord, "group" | "egress"> & { readonly field?: string },
): void {
  if ("policyId" in egress && egressPolicies.find(group, egress.policyId) === undefined)
    throw policyNotFound(group, egress.policyId, field);
}

export function policyNotFound(group: string, name: string, field: string): AlcoveError {
  return new AlcoveError("EgressPolicyNotFound", `There is no egress policy ${name} in the group ${group}.`, {
    field,
    value: name,
  });
}

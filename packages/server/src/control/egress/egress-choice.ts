/** Which policy a sandbox has: asked for, its snapshot's, its group's, or none. */
import { AlcoveError, type CreateSandbox, type EgressPolicy } from "@alcove/contract";
import { type EgressChoice, noEgress } from "../../store/egress-policies.js";
import type { GroupRecord } from "../../store/groups.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Store } from "../../store/store.js";
import { requireSecret, secretsOfPolicy } from "../secrets/policy-secrets.js";
import { requireRoutes } from "./upstream-routes.js";

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

/** The policy that is named, or the secrets and routes that it names itself, must be there. Asked once more in the moment before something that refers to it is recorded; from then on it stays. */
export function requirePolicy(
  store: Store,
  { group, egress, within = "" }: Pick<SandboxRecord, "group" | "egress"> & { readonly within?: string },
): void {
  if ("policy" in egress) {
    requireReferences(store, { group, policy: egress.policy, within: `${within}egressPolicy.` });
    return;
  }
  if (store.egressPolicies.find(group, egress.policyId) === undefined)
    throw policyNotFound(group, egress.policyId, `${within}egressPolicyId`);
}

/** Of secrets and routes. Errors: SecretNotFound, EgressRouteNotFound, by its field behind `within`. */
export function requireReferences(
  store: Store,
  { group, policy, within }: { readonly group: string; readonly policy: EgressPolicy; readonly within: string },
): void {
  for (const { field, secret } of secretsOfPolicy(policy)) requireSecret(store, group, secret, `${within}${field}`);
  requireRoutes(store, { group, policy, within });
}

export function policyNotFound(group: string, name: string, field: string): AlcoveError {
  return new AlcoveError("EgressPolicyNotFound", `There is no egress policy ${name} in the group ${group}.`, {
    field,
    value: name,
  });
}

/**
 * Role user uses the group's secrets, and is not to read them. One without hosts goes wherever a policy says: who may say that, or have it as a value, has
 * it. So whoever does not own the group names those alone that the owner bound to hosts; policies of the owner's may name any.
 */
import { AlcoveError, type CreateSandbox } from "@alcove/contract";
import type { Store } from "../../store/store.js";
import { secretsOfPolicy } from "./policy-secrets.js";

/** Errors: Forbidden. Those that are not there are for others to refuse. */
export function requireBoundSecrets(
  { groupSecrets }: Pick<Store, "groupSecrets">,
  group: string,
  { secrets = {}, egressPolicy }: Pick<CreateSandbox, "secrets" | "egressPolicy">,
): void {
  const ofVariables = Object.entries(secrets).map(([name, { secretId }]) => ({ field: `secrets.${name}`, secretId }));
  const ofPolicy = egressPolicy === undefined ? [] : secretsOfPolicy(egressPolicy);
  const named = [...ofVariables, ...ofPolicy.map(({ field, secret }) => ({ field, secretId: secret.secretId }))];
  for (const { field, secretId } of named) {
    if (groupSecrets.find(group, secretId)?.hosts.length !== 0) continue;
    const sentence = `The secret ${secretId} has no hosts, so that whoever uses it can read it: that is for the group's owner.`;
    const hint = `Ask an owner to bind it (alcove secret set --host HOST ${secretId} …), or to use it in a policy of the group's.`;
    throw new AlcoveError("Forbidden", sentence, { field, value: secretId, hint });
  }
}

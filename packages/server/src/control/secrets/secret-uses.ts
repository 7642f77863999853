/** What refers to a secret keeps it, and its keys, from being taken away. */
import { AlcoveError } from "@alcove/contract";
import type { GroupSecretRecord } from "../../store/group-secrets.js";
import type { Store } from "../../store/store.js";
import { requireUnused, told } from "../in-use.js";
import type { GroupSecretRef } from "./secret-control.js";

export function requireSecretUnused({ groupSecrets }: Store, { group, secretId }: GroupSecretRef): void {
  const users = groupSecrets.users(group, secretId);
  requireUnused(users, { code: "SecretInUse", called: `the secret ${secretId}`, field: "secretId", value: secretId });
}

/** Those that a new version has not; where it has no only key any more, references that name none too. */
export function requireKeysUnused(
  { groupSecrets }: Store,
  { group, id, keys }: GroupSecretRecord,
  newKeys: readonly string[],
): void {
  for (const key of keys.filter((each) => !newKeys.includes(each))) {
    const users = groupSecrets.usersOfKey(group, id, key);
    const called = `the key ${key} of the secret ${id}`;
    requireUnused(users, { code: "SecretInUse", called, field: "values", value: key });
  }
  if (keys.length !== 1 || newKeys.length === 1) return;
  const users = groupSecrets.usersOfOnlyKey(group, id);
  if (users.length === 0) return;
  const sentence = `With ${newKeys.length} keys the secret ${id} could not be referred to without one any more, as it is: ${told(users)}.`;
  throw new AlcoveError("SecretInUse", sentence, { field: "values", value: newKeys.join(", ") });
}

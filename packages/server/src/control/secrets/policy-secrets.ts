/** Which values of the group a policy names, and by which field. */
import { AlcoveError, actionOf, type EgressPolicy, type HeaderChange, type SecretRef } from "@alcove/contract";
import type { Store } from "../../store/store.js";
import { secretNotFound } from "./secret-not-found.js";

export type SecretName = Pick<SecretRef, "secretId" | "secretKey">;

export interface NamedSecret {
  /** Within the policy. */
  readonly field: string;
  readonly secret: SecretName;
}

export function secretsOfPolicy({ rules = [] }: EgressPolicy): readonly NamedSecret[] {
  return headersOf(rules).flatMap(({ field, change }) => {
    const secret = change.operation === "Remove" ? undefined : change.valueRef?.secretRef;
    return secret === undefined ? [] : [{ field: `${field}.valueRef.secretRef`, secret }];
  });
}

/** Secrets of the group, tokens of its identity. */
export function namesValues({ rules = [] }: EgressPolicy): boolean {
  return headersOf(rules).some(({ change }) => change.operation !== "Remove" && change.valueRef !== undefined);
}

function headersOf(rules: NonNullable<EgressPolicy["rules"]>) {
  return rules.flatMap((rule, at) => {
    const action = actionOf(rule);
    if (action.type === "Hook") return changesAt(`rules[${at}].hookRef.authHeaders`, action.authHeaders);
    return "headers" in action ? changesAt(`rules[${at}].action.headers`, action.headers) : [];
  });
}

function changesAt(field: string, changes: readonly HeaderChange[] = []) {
  return changes.map((change, at) => ({ field: `${field}[${at}]`, change }));
}

/** Errors: SecretNotFound, InvalidRequest where it has to say which key. */
export function requireSecret(store: Store, group: string, { secretId, secretKey }: SecretName, field: string): void {
  const secret = store.groupSecrets.find(group, secretId);
  if (secret === undefined) throw secretNotFound(group, secretId, `${field}.secretId`);
  const { keys } = secret;
  if (secretKey === undefined ? keys.length === 1 : keys.includes(secretKey)) return;
  const hint = `Its keys are ${keys.join(", ")}.`;
  if (secretKey === undefined) {
    const sentence = `The secret ${secretId} has ${keys.length} keys: say which.`;
    throw new AlcoveError("InvalidRequest", sentence, { field: `${field}.secretKey`, hint });
  }
  const where = { field: `${field}.secretKey`, value: secretKey, hint };
  throw new AlcoveError("SecretNotFound", `The secret ${secretId} has no key ${secretKey}.`, where);
}

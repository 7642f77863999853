import { AlcoveError } from "@alcove/contract";

export function secretNotFound(group: string, secretId: string, field: string): AlcoveError {
  return new AlcoveError("SecretNotFound", `There is no secret ${secretId} in the group ${group}.`, {
    field,
    value: secretId,
  });
}

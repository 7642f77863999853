/** What the programs of a sandbox are told beside what its maker and its image say. */
import { identityEndpoint } from "../../egress/identity/endpoints.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SecretUse } from "../../store/secret-uses.js";
import type { Store } from "../../store/store.js";
import { identityOf } from "../identity/identity-settings.js";
import { secretsInEnvironment } from "../secrets/secret-values.js";

/** `uses`: the secrets that it was given, or will have been given. Errors: SecretsUnreadable. */
export function addedEnvironment(
  store: Store,
  { group }: Pick<SandboxRecord, "group">,
  uses: readonly SecretUse[],
): Readonly<Record<string, string>> {
  const identity = identityOf(store, group);
  return {
    ...(identity && { IDENTITY_ENDPOINT: identityEndpoint, IDENTITY_HEADER: identity.header }),
    ...secretsInEnvironment(store, group, uses),
  };
}

/** Values for what runs: those that the gateway puts into a sandbox's requests, and those that stand in its environment. */
import { AlcoveError, type EgressPolicy, nameOfSecret } from "@alcove/contract";
import type { EgressSettings } from "../../egress/gateway.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SecretUse } from "../../store/secret-uses.js";
import type { Store } from "../../store/store.js";
import { type SecretName, secretsOfPolicy } from "./policy-secrets.js";

/** Beside what is in the environment by its maker's word: more may not start. */
const mostEnvironmentBytes = 65_536;

/** Of the newest version; without a key the only one. Undefined where there is none. Errors: SecretsUnreadable. */
export function secretValue({ groupSecrets }: Store, group: string, { secretId, secretKey }: SecretName) {
  const keys = groupSecrets.find(group, secretId)?.keys ?? [];
  const key = secretKey ?? (keys.length === 1 ? keys[0] : undefined);
  return key === undefined ? undefined : groupSecrets.value(group, secretId, key);
}

interface Needs {
  readonly policy: EgressPolicy;
  /** Told why a value is left out: what needs it is then refused by the gateway. */
  readonly onUnreadable: (error: AlcoveError) => void;
}

type FromSecrets = Required<Pick<EgressSettings, "secrets" | "secretHosts" | "placeholders">>;

/** Those values that the sandbox's policy and its placeholders name, and no others. */
export function gatewaySecrets(
  store: Store,
  { id, group }: Pick<SandboxRecord, "id" | "group">,
  { policy, onUnreadable }: Needs,
): FromSecrets {
  const placed = store.secretUses.of(id).filter(({ delivery }) => delivery === "Placeholder");
  const wanted = [...secretsOfPolicy(policy).map(({ secret }) => secret), ...placed];
  const hostsOf = ({ secretId }: SecretName) => store.groupSecrets.find(group, secretId)?.hosts ?? [];
  const secrets: Record<string, string> = {};
  const secretHosts: Record<string, readonly string[]> = {};
  for (const secret of wanted) {
    const value = readable(() => secretValue(store, group, secret), onUnreadable);
    if (value === undefined) continue;
    const [name, hosts] = [nameOfSecret(nameWithoutRest(secret)), hostsOf(secret)];
    secrets[name] = value;
    if (hosts.length > 0) secretHosts[name] = hosts;
  }
  const placeholders = placed.map(({ placeholder: text, ...use }) => ({
    text,
    secret: nameOfSecret(nameWithoutRest(use)),
    hosts: hostsOf(use),
  }));
  return { secrets, secretHosts, placeholders };
}

/** An absent key and one that is undefined are the same to it. */
function nameWithoutRest({ secretId, secretKey }: SecretName): SecretName {
  return secretKey === undefined ? { secretId } : { secretId, secretKey };
}

/** Undefined where it is not: `onUnreadable` is told then. */
export function readable<T>(read: () => T, onUnreadable: Needs["onUnreadable"]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AlcoveError) || error.code !== "SecretsUnreadable") throw error;
    onUnreadable(error);
    return undefined;
  }
}

/**
 * What its programs find of secrets: placeholders, and values where they were asked for. A key that is gone has no variable, nor has the value
 * of a secret that got hosts since: it goes to them alone.
 * Errors: SecretsUnreadable, InvalidRequest where the values are too long for an environment.
 */
export function secretsInEnvironment(
  store: Store,
  group: string,
  uses: readonly SecretUse[],
): Readonly<Record<string, string>> {
  const entries = uses
    .filter(({ age }) => age === 0)
    .flatMap(({ name, delivery, placeholder, ...secret }) => {
      const value = delivery === "Placeholder" ? placeholder : deliveredValue(store, group, secret);
      return value === undefined ? [] : [[name, value] as const];
    });
  const bytes = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (bytes <= mostEnvironmentBytes) return Object.fromEntries(entries);
  const detail = `The secrets in the sandbox's environment have ${bytes} bytes; ${mostEnvironmentBytes} is the most.`;
  throw new AlcoveError("InvalidRequest", detail, { field: "secrets" });
}

function deliveredValue(store: Store, group: string, secret: SecretName): string | undefined {
  const hosts = store.groupSecrets.find(group, secret.secretId)?.hosts ?? [];
  return hosts.length > 0 ? undefined : secretValue(store, group, secret);
}

/** Whether the gateway has to look into requests for the sake of a placeholder. */
export function hasPlaceholders(uses: readonly SecretUse[]): boolean {
  return uses.some(({ delivery }) => delivery === "Placeholder");
}

/** Towards which hosts values may be put in for it: patterns. */
export function placeholderHosts(store: Store, { id, group }: Pick<SandboxRecord, "id" | "group">): readonly string[] {
  const placed = store.secretUses.of(id).filter(({ delivery }) => delivery === "Placeholder");
  return placed.flatMap(({ secretId }) => store.groupSecrets.find(group, secretId)?.hosts ?? []);
}

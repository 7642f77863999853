/** Which of its group's secrets a new sandbox has: those that it is asked for, and those of what it is a copy of. */
import { randomBytes } from "node:crypto";
import { AlcoveError, type CreateSandbox, type Sandbox } from "@alcove/contract";
import type { SecretUse } from "../../store/secret-uses.js";
import type { Store } from "../../store/store.js";
import { requireSecret } from "./policy-secrets.js";

/** As many as one creation may ask for. */
const mostOfSandbox = 64;
/** Of those that are in memory alone: longer lines of copies give up the oldest. With those of its own they are 192; the gateway takes 256. */
const mostFormer = 128;
const placeholderBytes = 24;

type Asked = Pick<CreateSandbox, "secrets" | "environment" | "secretEnvironment">;

/** Errors: InvalidRequest where a variable is given twice. */
export function askedUses({ secrets = {}, environment = {}, secretEnvironment = {} }: Asked): readonly SecretUse[] {
  return Object.entries(secrets).map(([name, { secretId, secretKey, delivery = "Placeholder" }]) => {
    if (Object.hasOwn(environment, name)) throw givenTwice(name, "environment");
    if (Object.hasOwn(secretEnvironment, name)) throw givenTwice(name, "secretEnvironment");
    return { name, secretId, secretKey, delivery, placeholder: placeholderOf(delivery), age: 0 };
  });
}

function givenTwice(name: string, where: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The variable ${name} is in ${where} and in secrets.`, {
    field: `secrets.${name}`,
    hint: "Leave one of them out.",
  });
}

/**
 * What a copy has of the secrets of what it is a copy of: placeholders of its own, and those that programs in its memory still hold. `before`
 * are of the snapshot.
 */
export function inheritedUses(before: readonly SecretUse[]): readonly SecretUse[] {
  const own = before
    .filter(({ age }) => age === 0)
    .map((use) => ({ ...use, placeholder: placeholderOf(use.delivery) }));
  const former = before
    .filter(({ delivery }) => delivery === "Placeholder")
    .toSorted((one, other) => one.age - other.age)
    .slice(0, mostFormer);
  return [...own, ...former.map((use) => ({ ...use, age: use.age + 1 }))];
}

/**
 * What is asked for takes the place of what is inherited under the same variable; its memory keeps what it holds. Errors: InvalidRequest where there
 * are too many in all.
 */
export function mergedUses(inherited: readonly SecretUse[], asked: readonly SecretUse[]): readonly SecretUse[] {
  const names = new Set(asked.map(({ name }) => name));
  const merged = [...inherited.filter(({ name, age }) => age > 0 || !names.has(name)), ...asked];
  const count = merged.filter(({ age }) => age === 0).length;
  if (count <= mostOfSandbox) return merged;
  const detail = `With those of its snapshot the sandbox would have ${count} secrets; ${mostOfSandbox} is the most.`;
  throw new AlcoveError("InvalidRequest", detail, { field: "secrets" });
}

/** Who made the one may have of the other's secrets. Of what nobody is known to have made nobody has any. */
export function isSameMaker(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one === other;
}

/** The part of a sandbox's answer that says which secrets its programs use: names, never values or placeholders' texts. */
export function secretsView(
  { store }: { readonly store: Pick<Store, "secretUses"> },
  { id }: { readonly id: string },
): Pick<Sandbox, "secrets"> {
  const own = store.secretUses.of(id).filter(({ age }) => age === 0);
  const views = own.map(({ name, secretId, secretKey, delivery }) => {
    return [name, { secretId, ...(secretKey !== undefined && { secretKey }), delivery }] as const;
  });
  return { secrets: Object.fromEntries(views) };
}

/** Asked once more in the moment before something that refers to them is recorded; from then on they stay. */
export function requireUses(store: Store, group: string, uses: readonly SecretUse[]): void {
  for (const { name, age, secretId, secretKey } of uses) {
    if (age > 0) continue;
    requireSecret(store, group, secretKey === undefined ? { secretId } : { secretId, secretKey }, `secrets.${name}`);
  }
}

/** Asked for by this creation. What is inherited of such a secret has no variable. */
export function requireDeliverable({ groupSecrets }: Store, group: string, asked: readonly SecretUse[]): void {
  for (const { name, delivery, secretId } of asked) {
    const hosts = groupSecrets.find(group, secretId)?.hosts ?? [];
    if (delivery === "Placeholder" || hosts.length === 0) continue;
    const sentence = `The secret ${secretId} goes to its own hosts alone, so that no sandbox has its value.`;
    throw new AlcoveError("InvalidRequest", sentence, {
      field: `secrets.${name}.delivery`,
      value: delivery,
      hint: "Leave delivery out: the variable is a placeholder then, which the gateway replaces on the way to these hosts.",
    });
  }
}

/** Nothing can be told from it, and it stands for nothing elsewhere. */
function placeholderOf(delivery: SecretUse["delivery"]): string {
  return delivery === "Value" ? "" : `alcove-secret-${randomBytes(placeholderBytes).toString("base64url")}`;
}

/** The secrets of a group, as its owner sets them. */
import { isDeepStrictEqual } from "node:util";
import { AlcoveError, type PutSecret, type Secret } from "@alcove/contract";
import type { GroupSecretRecord } from "../../store/group-secrets.js";
import type { Store } from "../../store/store.js";
import type { ControlContext } from "../context.js";
import type { GroupSecretRef, SecretControl } from "./secret-control.js";
import { secretNotFound } from "./secret-not-found.js";
import { requireKeysUnused, requireSecretUnused } from "./secret-uses.js";

const maximumOfGroup = 100;

export function secretControl(context: ControlContext): SecretControl {
  const { events, gate, store } = context;
  return {
    async list(group) {
      await gate.enter(group);
      return store.groupSecrets.ofGroup(group).map(view);
    },
    async get(ref) {
      await gate.enter(ref.group);
      return view(find(store, ref));
    },
    put: (ref, body) => put(context, ref, body),
    async peek(ref, asked) {
      await gate.enter(ref.group);
      const { group, id, version: newest } = find(store, ref);
      const version = asked ?? newest;
      const values = store.groupSecrets.values(group, id, version);
      if (Object.keys(values).length === 0) throw versionNotFound(ref, version);
      return { version, values };
    },
    async delete(ref) {
      await gate.enter(ref.group);
      store.transaction(() => {
        find(store, ref);
        requireSecretUnused(store, ref);
        store.groupSecrets.remove(ref.group, ref.secretId);
        events.append(ref.group, { type: "secret.deleted", secretId: ref.secretId });
      });
      events.announce();
    },
  };
}

async function put(
  { crashPoint, egress, events, gate, store }: ControlContext,
  ref: GroupSecretRef,
  body: PutSecret,
): Promise<Secret> {
  const { group, secretId: id } = ref;
  await gate.enter(group);
  store.transaction(() => {
    const before = store.groupSecrets.find(group, id);
    if (before === undefined) requireRoom(store, group);
    const hosts = body.hosts ?? before?.hosts ?? [];
    if (before !== undefined && isSame(store, before, { hosts, values: body.values })) return;
    if (before !== undefined) requireKeysUnused(store, before, Object.keys(body.values));
    store.groupSecrets.put({ group, id, hosts, values: body.values, at: Date.now() });
    events.append(group, { type: "secret.changed", secretId: id, version: find(store, ref).version });
  });
  events.announce();
  crashPoint("secret.afterRecord");
  await egress.renewGroup(group);
  return view(find(store, ref));
}

/** A call that is repeated makes no other version. What cannot be read any more is not the same. */
function isSame(
  { groupSecrets }: Store,
  { group, id, version, hosts }: GroupSecretRecord,
  wanted: { readonly hosts: readonly string[]; readonly values: Readonly<Record<string, string>> },
): boolean {
  if (!isDeepStrictEqual(hosts, wanted.hosts)) return false;
  try {
    return isDeepStrictEqual(groupSecrets.values(group, id, version), { ...wanted.values });
  } catch (error) {
    if (error instanceof AlcoveError && error.code === "SecretsUnreadable") return false;
    throw error;
  }
}

function requireRoom({ groupSecrets }: Store, group: string): void {
  if (groupSecrets.count(group) < maximumOfGroup) return;
  const detail = `The group ${group} has ${maximumOfGroup} secrets, which is as many as there may be.`;
  throw new AlcoveError("SecretLimitReached", detail);
}

function find({ groupSecrets }: Store, { group, secretId }: GroupSecretRef): GroupSecretRecord {
  const record = groupSecrets.find(group, secretId);
  if (record === undefined) throw secretNotFound(group, secretId, "secretId");
  return record;
}

function versionNotFound({ secretId }: GroupSecretRef, version: number): AlcoveError {
  return new AlcoveError(
    "SecretNotFound",
    `Of the secret ${secretId} there is no version ${version} any more, or not yet.`,
    {
      field: "version",
      value: String(version),
      hint: "The last 10 versions are kept; without a version it is the newest.",
    },
  );
}

function view({ group, id, keys, version, hosts, createdAt, updatedAt }: GroupSecretRecord): Secret {
  return {
    ...{ id, group, keys: [...keys], version, hosts: [...hosts] },
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

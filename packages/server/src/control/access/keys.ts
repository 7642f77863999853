/** Keys are made, shown once, listed, revoked. */
import {
  AlcoveError,
  type CreatedKey,
  type CreateGroupKey,
  defaultRequestsPerMinute,
  type Key,
} from "@alcove/contract";
import type { Caller } from "../../policy/access.js";
import type { KeyRecord } from "../../store/keys.js";
import type { ControlContext } from "../context.js";
import type { KeyControl, KeyPage } from "./access-control.js";
import { newKey } from "./key-secret.js";

const maximumKeys = { server: 10_000, group: 1_000 };
const defaultPageSize = 100;
const dayMs = 86_400_000;
/** How long a key that was revoked or has expired stays in the lists. */
const keptMs = 30 * dayMs;

export function keyControl(context: ControlContext): KeyControl {
  const { gate } = context;
  return {
    async create({ isAdmin = false, scopes = [], ...rest }, caller) {
      for (const { group } of scopes) await gate.enter(group);
      return make(context, { ...rest, isAdmin, scopes, group: null }, caller);
    },
    list: async (page) => list(context, {}, page),
    revoke: async (keyId) => revoke(context, keyId, () => true),
    async createForGroup(group, { role, ...rest }, caller) {
      await gate.enter(group);
      requireOwnRate(rest.requestsPerMinute, caller);
      return make(context, { ...rest, isAdmin: false, scopes: [{ group, role }], group }, caller);
    },
    async listOfGroup(group, page) {
      await gate.enter(group);
      return list(context, { group }, page);
    },
    async revokeOfGroup(group, keyId) {
      await gate.enter(group);
      revoke(context, keyId, (key) => key.group === group);
    },
  };
}

function list(
  { store }: ControlContext,
  { group }: { readonly group?: string },
  { before, page = 1, pageSize = defaultPageSize }: KeyPage,
): Key[] {
  const cursor = before === undefined ? undefined : store.keys.find(before);
  if (before !== undefined && (cursor === undefined || (group !== undefined && cursor.group !== group)))
    throw keyNotFound("before", before);
  return store.keys.list({ group, before }, { limit: pageSize, offset: (page - 1) * pageSize }).map(toKey);
}

type Wanted = Omit<CreateGroupKey, "role"> & Pick<KeyRecord, "isAdmin" | "scopes" | "group">;

function make({ store }: ControlContext, wanted: Wanted, caller: Caller): CreatedKey {
  const { name, group, isAdmin, scopes, requestsPerMinute = defaultRequestsPerMinute } = wanted;
  const now = Date.now();
  const { id, text, secretHash } = newKey();
  const record: KeyRecord = {
    ...{ id, secretHash, name, group, isAdmin, scopes, requestsPerMinute },
    createdBy: caller.principal,
    createdAt: now,
    expiresAt: expiry(wanted.expiresAt, now),
    revokedAt: null,
    lastUsedAt: null,
  };
  store.transaction(() => {
    store.keys.forget(now - keptMs);
    const limit = group === null ? maximumKeys.server : maximumKeys.group;
    if (store.keys.count(group) >= limit && !store.keys.forgetOldest(group, now)) throw tooMany(group, limit);
    store.keys.insert(record);
  });
  return { ...toKey(record), key: text };
}

/** Nobody gives more than they have. */
function requireOwnRate(wanted: number | undefined, { isAdmin, requestsPerMinute: own }: Caller): void {
  if (isAdmin || wanted === undefined || own === undefined) return;
  const limit = Math.max(own, defaultRequestsPerMinute);
  if (wanted <= limit) return;
  throw new AlcoveError("InvalidRequest", `requestsPerMinute is ${wanted}; you can give at most ${limit}.`, {
    field: "requestsPerMinute",
    value: String(wanted),
    hint: "Give less, or ask the administrator for the key.",
  });
}

function expiry(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const at = Date.parse(text);
  if (at > now) return at;
  throw new AlcoveError("InvalidRequest", `expiresAt must be in the future; got ${text}.`, {
    field: "expiresAt",
    value: text,
  });
}

function tooMany(group: string | null, limit: number): AlcoveError {
  const whose = group === null ? "The server" : `The group ${group}`;
  return new AlcoveError("KeyLimitReached", `${whose} has ${limit} keys, which is as many as there may be.`);
}

function revoke({ store }: ControlContext, keyId: string, isMeant: (key: KeyRecord) => boolean): void {
  const record = store.keys.find(keyId);
  if (record === undefined || !isMeant(record)) throw keyNotFound("keyId", keyId);
  store.transaction(() => store.keys.revoke(keyId, Date.now()));
}

function keyNotFound(field: "before" | "keyId", value: string): AlcoveError {
  return new AlcoveError("KeyNotFound", `There is no key ${value}.`, { field, value });
}

function toKey(record: KeyRecord): Key {
  const { id, name, isAdmin, scopes, createdBy, requestsPerMinute } = record;
  return {
    ...{ id, name, isAdmin, scopes: [...scopes], createdBy, requestsPerMinute },
    createdAt: new Date(record.createdAt).toISOString(),
    ...instant("expiresAt", record.expiresAt),
    ...instant("revokedAt", record.revokedAt),
    ...instant("lastUsedAt", record.lastUsedAt),
  };
}

function instant<Name extends string>(name: Name, at: number | null): { [name in Name]?: string } {
  return at === null ? {} : ({ [name]: new Date(at).toISOString() } as { [name in Name]: string });
}

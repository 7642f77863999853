/** Whom a token belongs to, and what that caller may do now. Roles are read with every call: a change counts at once. */
import type { KeyScope, WhoAmI } from "@alcove/contract";
import { type Caller, daemonOwner, decide, highestRoles } from "../policy/access.js";
import type { KeyRecord } from "../store/keys.js";
import type { Store } from "../store/store.js";
import type { ControlContext } from "./context.js";
import type { AccessControl } from "./control.js";
import { matches, parseKey } from "./key-secret.js";

/** A key's last use is written at most so often. */
const useNotedMs = 60_000;

export function accessControl(context: ControlContext): AccessControl {
  const { store } = context;
  return {
    owner: daemonOwner,
    async authenticate(token) {
      const key = parseKey(token);
      if (key === undefined) return undefined;
      const record = store.keys.find(key.id);
      const isRight = matches(key.secret, record?.secretHash);
      if (!isRight || record === undefined || !isValid(record)) return undefined;
      noteUse(context, record);
      return callerOf(store, record);
    },
    renew(caller) {
      if (caller.kind !== "key") return caller;
      const record = store.keys.find(caller.principal.slice("key:".length));
      return record && isValid(record) ? callerOf(store, record) : undefined;
    },
    decide,
    whoAmI,
  };
}

function isValid({ revokedAt, expiresAt }: KeyRecord): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > Date.now());
}

function callerOf(store: Store, record: KeyRecord): Caller {
  const principal = `key:${record.id}`;
  return {
    kind: "key",
    principal,
    name: record.name,
    isAdmin: record.isAdmin,
    roles: highestRoles([...record.scopes, ...store.roleAssignments.ofPrincipal(principal)]),
    requestsPerMinute: record.requestsPerMinute,
    expiresAt: record.expiresAt ?? undefined,
  };
}

function noteUse({ store, logger }: ControlContext, { id, lastUsedAt }: KeyRecord): void {
  const now = Date.now();
  if (lastUsedAt !== null && now - lastUsedAt < useNotedMs) return;
  try {
    store.unsyncedTransaction(() => store.keys.markUsed(id, now));
  } catch (error) {
    logger.warn({ key: id, err: error }, "A key's last use could not be written down");
  }
}

function whoAmI(caller: Caller): WhoAmI {
  const { kind, principal, name, isAdmin, expiresAt } = caller;
  const roles: KeyScope[] = [...caller.roles].map(([group, role]) => ({ group, role }));
  return {
    ...{ kind, principal, name, isAdmin },
    roles: isAdmin ? [] : roles.sort((a, b) => (a.group < b.group ? -1 : 1)),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
}

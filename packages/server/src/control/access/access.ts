/** Whom a token belongs to, and what that caller may do now. Roles are read with every call: a change counts at once. */
import { AlcoveError, defaultRequestsPerMinute, type KeyScope, type WhoAmI } from "@alcove/contract";
import { type Caller, daemonOwner, decide, highestRoles, metricsReader } from "../../policy/access.js";
import type { KeyRecord } from "../../store/keys.js";
import type { Store } from "../../store/store.js";
import type { ControlContext } from "../context.js";
import type { GroupTokens, TokenHolder } from "../identity/group-tokens.js";
import type { AccessControl, TokenClaims, TokenVerifier } from "./access-control.js";
import { hashOf, matches, parseKey } from "./key-secret.js";
import { groupOfPrincipal, identitiesOf, principalOfGroup } from "./principal.js";

/** A key's last use is written at most so often. */
const useNotedMs = 60_000;

interface Tokens {
  /** Of an OIDC issuer. */
  readonly verifyToken?: TokenVerifier;
  readonly metricsToken?: string;
}

export function accessControl(context: ControlContext, { verifyToken, metricsToken }: Tokens): AccessControl {
  const { groupTokens, store } = context;
  const metricsHash = metricsToken === undefined ? undefined : hashOf(metricsToken);
  const callerOf = async (token: string): Promise<WithoutRoles | undefined> => {
    const holder = await groupTokens.holderOf(token);
    if (holder !== undefined) return callerOfGroup(holder);
    const claims = await verifyToken?.(token);
    return claims && callerOfToken(claims);
  };
  return {
    owner: daemonOwner,
    async authenticate(token) {
      if (matches(token, metricsHash)) return metricsReader;
      const key = parseKey(token);
      if (key === undefined) {
        const caller = await callerOf(token);
        return caller && withRoles(store, caller);
      }
      const record = store.keys.find(key.id);
      const isRight = matches(key.secret, record?.secretHash);
      if (!isRight || record === undefined || !isValid(record)) return undefined;
      noteUse(context, record);
      return withRoles(store, callerOfKey(record));
    },
    renew(caller) {
      if (caller.expiresAt !== undefined && caller.expiresAt <= Date.now()) return undefined;
      if (caller.kind === "metrics") return caller;
      if (caller.kind === "group") return isGroupStill(groupTokens, caller) ? withRoles(store, caller) : undefined;
      if (caller.kind !== "key") return withRoles(store, caller);
      const record = store.keys.find(caller.principal.slice("key:".length));
      return record && isValid(record) ? withRoles(store, callerOfKey(record)) : undefined;
    },
    decide,
    whoAmI,
  };
}

function isValid({ revokedAt, expiresAt }: KeyRecord): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > Date.now());
}

type WithoutRoles = Omit<Caller, "roles">;

function callerOfKey({ id, name, isAdmin, scopes, requestsPerMinute, expiresAt }: KeyRecord): WithoutRoles {
  const principal = `key:${id}`;
  return {
    ...{ kind: "key", principal, name, isAdmin, scopes, requestsPerMinute },
    identities: [principal],
    expiresAt: expiresAt ?? undefined,
  };
}

function callerOfToken(claims: TokenClaims): WithoutRoles {
  const { subject, name, isAdmin, scopes, expiresAt } = claims;
  return {
    ...{ kind: "oidc", principal: `oidc:${subject}`, name, isAdmin, scopes, expiresAt },
    identities: identitiesOf(claims),
    requestsPerMinute: defaultRequestsPerMinute,
  };
}

function callerOfGroup({ group, incarnation, sandboxId, audience, expiresAt }: TokenHolder): WithoutRoles {
  const principal = principalOfGroup(group);
  return {
    ...{ kind: "group", principal, isAdmin: false, scopes: [], expiresAt },
    name: sandboxId === undefined ? `the group ${group}` : `the sandbox ${sandboxId}`,
    identities: [principal],
    origin: { incarnation, sandboxId, audience },
    requestsPerMinute: defaultRequestsPerMinute,
  };
}

function isGroupStill(tokens: GroupTokens, { principal, origin }: WithoutRoles): boolean {
  const group = groupOfPrincipal(principal);
  return group !== undefined && origin !== undefined && tokens.isStill({ group, ...origin });
}

/** What was given to a group of the same name is no other group's. */
function withRoles(store: Store, caller: WithoutRoles): Caller {
  const assigned = caller.identities
    .flatMap((identity) => store.roleAssignments.ofPrincipal(identity))
    .filter(({ incarnation }) => caller.kind !== "group" || incarnation === caller.origin?.incarnation);
  return { ...caller, roles: highestRoles([...caller.scopes, ...assigned]) };
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
  if (kind === "metrics") throw new AlcoveError("Forbidden");
  const roles: KeyScope[] = [...caller.roles].map(([group, role]) => ({ group, role }));
  return {
    ...{ kind, principal, name, isAdmin },
    roles: isAdmin ? [] : roles.sort((a, b) => (a.group < b.group ? -1 : 1)),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
}

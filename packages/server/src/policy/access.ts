/** Who may do what: a caller, what an endpoint asks for, and the group of the path in; a verdict out. Pure. */
import { type Access, type KeyScope, type Role, reaches, roles } from "@alcove/contract";

/** Somebody whom the daemon knows. */
export interface Caller {
  /** owner: whoever can open the daemon's socket. metrics: whoever has the token for them, and may nothing else. */
  readonly kind: "owner" | "key" | "oidc" | "group" | "metrics";
  /** As in role assignments and the audit log: `owner`, `key:ID`, `oidc:SUBJECT`, `group:NAME`. */
  readonly principal: string;
  readonly name: string;
  readonly isAdmin: boolean;
  /** Names by which roles may have been assigned to it. */
  readonly identities: readonly string[];
  /** Of a group: which of those that have had the name, whose sandbox, and whom the token is for. */
  readonly origin?: {
    readonly incarnation: string;
    readonly sandboxId: string | undefined;
    readonly audience: string;
  };
  /** What it holds without assignments: by its key, or by its token's claims. */
  readonly scopes: readonly KeyScope[];
  /** The role that it holds in each group, the highest where there are several. */
  readonly roles: ReadonlyMap<string, Role>;
  /** Undefined: without a limit. */
  readonly requestsPerMinute: number | undefined;
  /** Milliseconds since 1970; from then on it is not known any more. */
  readonly expiresAt: number | undefined;
}

/** hidden: the group must look as one that is not there. */
export type Verdict = "allowed" | "unknown" | "hidden" | "forbidden";

export interface Demand {
  readonly access: Access;
  /** Undefined where the path names none. */
  readonly group: string | undefined;
}

export function decide(caller: Caller | undefined, { access, group }: Demand): Verdict {
  if (access === "anyone") return "allowed";
  if (caller === undefined) return "unknown";
  if (access === "metrics") return caller.isAdmin || caller.kind === "metrics" ? "allowed" : "forbidden";
  if (caller.kind === "metrics") return "forbidden";
  if (caller.isAdmin || access === "caller") return "allowed";
  if (group === undefined) return "forbidden";
  const held = caller.roles.get(group);
  if (held === undefined) return "hidden";
  if (access === "admin") return "forbidden";
  return reaches(held, access) ? "allowed" : "forbidden";
}

/** Each group's highest role. */
export function highestRoles(grants: Iterable<{ readonly group: string; readonly role: Role }>): Map<string, Role> {
  const highest = new Map<string, Role>();
  for (const { group, role } of grants) {
    const held = highest.get(group);
    if (held === undefined || roles.indexOf(role) > roles.indexOf(held)) highest.set(group, role);
  }
  return highest;
}

export const daemonOwner: Caller = {
  kind: "owner",
  principal: "owner",
  name: "the daemon's owner",
  isAdmin: true,
  identities: [],
  scopes: [],
  roles: new Map(),
  requestsPerMinute: undefined,
  expiresAt: undefined,
};

export const metricsReader: Caller = {
  ...daemonOwner,
  kind: "metrics",
  principal: "metrics",
  name: "who reads the metrics",
  isAdmin: false,
};

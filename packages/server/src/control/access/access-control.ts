/** Who may do what, and who did. */
import type {
  AuditQuery,
  AuditRecord,
  CreatedKey,
  CreateGroupKey,
  CreateKey,
  Key,
  KeyScope,
  Role,
  RoleAssignment,
  WhoAmI,
} from "@alcove/contract";
import { type Caller, type Demand, decide, type Verdict } from "../../policy/access.js";

export interface AccessControl {
  /** Whoever opens the daemon's own socket. */
  readonly owner: Caller;
  /** Whom a token belongs to; undefined where it is not valid, for whatever reason. */
  authenticate(token: string): Promise<Caller | undefined>;
  /** The caller as it is now; undefined when it is not known any more. */
  renew(caller: Caller): Caller | undefined;
  decide(caller: Caller | undefined, demand: Demand): Verdict;
  whoAmI(caller: Caller): WhoAmI;
}

export interface KeyPage {
  readonly before?: string;
  readonly page?: number;
  readonly pageSize?: number;
}

/** What was made for a group is that group's; what the administrator made is in no group's list. */
export interface KeyControl {
  create(body: CreateKey, caller: Caller): Promise<CreatedKey>;
  list(page: KeyPage): Promise<readonly Key[]>;
  revoke(keyId: string): Promise<void>;
  createForGroup(group: string, body: CreateGroupKey, caller: Caller): Promise<CreatedKey>;
  listOfGroup(group: string, page: KeyPage): Promise<readonly Key[]>;
  revokeOfGroup(group: string, keyId: string): Promise<void>;
}

/** One call, for the audit log. */
export interface Deed extends Omit<AuditRecord, "sequence" | "at" | "count" | "group"> {
  readonly group: string | undefined;
}

/** A call that was turned away; its group only where the caller has a role there. */
export type Refusal = Deed;

export interface AuditControl {
  record(deed: Deed): void;
  refuse(refusal: Refusal): void;
  list(query: AuditQuery): Promise<readonly AuditRecord[]>;
  listOfGroup(group: string, query: AuditQuery): Promise<readonly AuditRecord[]>;
}

export interface RoleAssignmentControl {
  list(group: string): Promise<readonly RoleAssignment[]>;
  get(group: string, principal: string): Promise<RoleAssignment>;
  put(
    wanted: { readonly group: string; readonly principal: string; readonly role: Role },
    caller: Caller,
  ): Promise<RoleAssignment>;
  delete(group: string, principal: string): Promise<void>;
}

/** Whom a token of the OIDC issuer is about, and what its claims give; undefined where it is not valid. It never rejects. */
export type TokenVerifier = (token: string) => Promise<TokenClaims | undefined>;

export interface TokenClaims {
  readonly subject: string;
  readonly verifiedEmail: string | undefined;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly isAdmin: boolean;
  readonly scopes: readonly KeyScope[];
}

export type { Caller, Demand, Verdict };

/** Whether it has there what the group's owner has. */
export function ownsGroup(caller: Caller, group: string): boolean {
  return decide(caller, { access: "owner", group }) === "allowed";
}

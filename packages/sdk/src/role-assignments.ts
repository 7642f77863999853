/** Roles given by name in a group: to people whom the server's OIDC issuer knows, to keys, and to other groups. */
import {
  deleteRoleAssignment,
  getRoleAssignment,
  listRoleAssignments,
  putRoleAssignment,
  type Role,
  type RoleAssignment,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { Scope } from "./scope.js";

/**
 * A principal is `key:ID`, `oidc:SUBJECT`, `oidc:ADDRESS` with a verified e-mail address, or `group:NAME` for the tokens of another group.
 *
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { roleAssignments } = alcove.defaultGroup;
 * await roleAssignments.set("oidc:ada@example.com", "user");
 * for (const { principal, role } of await roleAssignments.list()) console.log(principal, role);
 * await roleAssignments.remove("oidc:ada@example.com");
 * ```
 */
export class RoleAssignments {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  list({ signal }: Abortable = {}): Promise<RoleAssignment[]> {
    const { transport, params } = this.#scope;
    return call(transport, listRoleAssignments, { params, signal });
  }

  get(principal: string, { signal }: Abortable = {}): Promise<RoleAssignment> {
    const { transport, params } = this.#scope;
    return call(transport, getRoleAssignment, { params: { ...params, principal }, signal });
  }

  /** Replaces the role that was assigned before. */
  set(principal: string, role: Role, { signal }: Abortable = {}): Promise<RoleAssignment> {
    const { transport, params } = this.#scope;
    return call(transport, putRoleAssignment, { params: { ...params, principal }, body: { role }, signal });
  }

  /** Succeeds too where none is assigned. */
  async remove(principal: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, deleteRoleAssignment, { params: { ...params, principal }, signal });
  }
}

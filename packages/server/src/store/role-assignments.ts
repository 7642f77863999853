/** Roles that were given by name, group by group. */
import type { Role } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export interface RoleAssignmentRecord {
  readonly group: string;
  /** `key:ID` or `oidc:SUBJECT`. */
  readonly principal: string;
  readonly role: Role;
  readonly assignedBy: string;
  readonly assignedAt: number;
}

export type RoleAssignmentQueries = ReturnType<typeof roleAssignmentQueries>;

export function roleAssignmentQueries(database: Database.Database) {
  const put = write(
    database,
    `insert into role_assignments (group_name, principal, role, assigned_by, assigned_at)
     values (@group, @principal, @role, @assignedBy, @assignedAt)
     on conflict (group_name, principal) do update
       set role = excluded.role, assigned_by = excluded.assigned_by, assigned_at = excluded.assigned_at`,
  );
  const columns = `group_name as 'group', principal, role, assigned_by as assignedBy, assigned_at as assignedAt`;
  const ofGroup = all<RoleAssignmentRecord>(
    database,
    `select ${columns} from role_assignments where group_name = @group order by principal`,
  );
  const ofPrincipal = all<RoleAssignmentRecord>(
    database,
    `select ${columns} from role_assignments where principal = @principal`,
  );
  const find = one<RoleAssignmentRecord>(
    database,
    `select ${columns} from role_assignments where group_name = @group and principal = @principal`,
  );
  const remove = write(database, "delete from role_assignments where group_name = @group and principal = @principal");
  const removeGroup = write(database, "delete from role_assignments where group_name = @group");
  return {
    put: (record: RoleAssignmentRecord): void => void put({ ...record }),
    find: (group: string, principal: string): RoleAssignmentRecord | undefined => find({ group, principal }),
    ofGroup: (group: string): RoleAssignmentRecord[] => ofGroup({ group }),
    ofPrincipal: (principal: string): RoleAssignmentRecord[] => ofPrincipal({ principal }),
    remove: (group: string, principal: string): void => void remove({ group, principal }),
    removeGroup: (group: string): void => void removeGroup({ group }),
  };
}

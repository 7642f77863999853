/** Roles that were given by name, group by group. */
import type { Role } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export interface RoleAssignmentRecord {
  readonly group: string;
  /** `key:ID`, `oidc:SUBJECT` or `group:NAME`. */
  readonly principal: string;
  readonly role: Role;
  readonly assignedBy: string;
  readonly assignedAt: number;
  /** Of the group that is meant, where one is: null where none had the name. */
  readonly incarnation: string | null;
}

export type RoleAssignmentQueries = ReturnType<typeof roleAssignmentQueries>;

export function roleAssignmentQueries(database: Database.Database) {
  const put = write(
    database,
    `insert into role_assignments (group_name, principal, role, assigned_by, assigned_at, incarnation)
     values (@group, @principal, @role, @assignedBy, @assignedAt, @incarnation)
     on conflict (group_name, principal) do update
       set role = excluded.role, assigned_by = excluded.assigned_by, assigned_at = excluded.assigned_at,
         incarnation = excluded.incarnation`,
  );
  const columns = `group_name as 'group', principal, role, assigned_by as assignedBy, assigned_at as assignedAt,
    incarnation`;
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

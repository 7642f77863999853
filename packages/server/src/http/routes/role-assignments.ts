import { deleteRoleAssignment, getRoleAssignment, listRoleAssignments, putRoleAssignment } from "@alcove/contract";
import type { RoleAssignmentControl } from "../../control/access/access-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

export function roleAssignmentRoutes(routes: RouteTable, assignments: RoleAssignmentControl): void {
  route(routes, listRoleAssignments, async ({ params }) => [...(await assignments.list(params.group))]);
  route(routes, getRoleAssignment, ({ params }) => assignments.get(params.group, params.principal));
  route(routes, putRoleAssignment, ({ params, body, caller }) => assignments.put({ ...params, ...body }, caller));
  route(routes, deleteRoleAssignment, ({ params }) => assignments.delete(params.group, params.principal));
}

/** Roles given by name. They count with the next call of whoever has them; nobody can take the daemon's owner's away. */
import { AlcoveError, type RoleAssignment } from "@alcove/contract";
import type { RoleAssignmentRecord } from "../../store/role-assignments.js";
import type { ControlContext } from "../context.js";
import type { RoleAssignmentControl } from "./access-control.js";
import { addressOf, groupOfPrincipal } from "./principal.js";

const maximumOfGroup = 1_000;

export function roleAssignmentControl({ gate, store }: ControlContext): RoleAssignmentControl {
  return {
    async list(group) {
      await gate.enter(group);
      return store.roleAssignments.ofGroup(group).map(toAssignment);
    },
    async get(group, principal) {
      await gate.enter(group);
      const found = store.roleAssignments.find(group, addressOf(principal));
      if (found === undefined) throw notFound(group, principal);
      return toAssignment(found);
    },
    async put({ group, principal: given, role }, caller) {
      await gate.enter(group);
      const principal = addressOf(given);
      const meant = groupOfPrincipal(principal);
      const incarnation = meant === undefined ? null : (store.groups.find(meant)?.incarnation ?? null);
      const record = { group, principal, role, assignedBy: caller.principal, assignedAt: Date.now(), incarnation };
      store.transaction(() => {
        const present = store.roleAssignments.ofGroup(group);
        if (present.length >= maximumOfGroup && !present.some((one) => one.principal === principal)) {
          const detail = `The group ${group} has ${maximumOfGroup} role assignments, which is as many as there may be.`;
          throw new AlcoveError("RoleAssignmentLimitReached", detail);
        }
        store.roleAssignments.put(record);
      });
      return toAssignment(record);
    },
    async delete(group, principal) {
      await gate.enter(group);
      store.transaction(() => store.roleAssignments.remove(group, addressOf(principal)));
    },
  };
}

function notFound(group: string, principal: string): AlcoveError {
  const detail = `No role is assigned to ${principal} in the group ${group}.`;
  return new AlcoveError("RoleAssignmentNotFound", detail, { field: "principal", value: principal });
}

function toAssignment({ principal, role, assignedBy, assignedAt }: RoleAssignmentRecord): RoleAssignment {
  return { principal, role, assignedBy, assignedAt: new Date(assignedAt).toISOString() };
}

/** Roles given by name: to people whom the OIDC issuer knows, to keys, and to other groups. */
import * as z from "zod";
import { Role } from "./access.js";
import { endpoint } from "./endpoint.js";
import { GroupName } from "./names.js";
import { GroupParams, NoQuery } from "./sandboxes.js";

/**
 * `key:ID`; `oidc:SUBJECT`, as the issuer's tokens name somebody; or `oidc:ADDRESS`, an e-mail address that the issuer has
 * verified. What has an @ is an address, whatever its case: a subject that looks as one is nobody's. `group:NAME`: the sandboxes of
 * the group that has the name when the role is given, by the tokens of its identity; a group that gets the name later is not meant.
 */
export const Principal = z
  .string()
  .regex(
    /^(?:key:[0-9a-z]{16}|oidc:[\x21-\x7e]{1,255}|group:(?![.-])[A-Za-z0-9-]{1,32})$/,
    "must be key:ID, group:NAME, or oidc: with a subject or a verified e-mail address",
  )
  .meta({ id: "Principal" });

export const RoleAssignment = z
  .object({
    principal: Principal,
    role: Role,
    /** Who gave it. */
    assignedBy: z.string(),
    assignedAt: z.iso.datetime(),
  })
  .meta({ id: "RoleAssignment" });
export type RoleAssignment = z.infer<typeof RoleAssignment>;

const params = z.strictObject({ group: GroupName, principal: Principal });

export const listRoleAssignments = endpoint({
  id: "listRoleAssignments",
  method: "GET",
  path: "/v1/groups/:group/roleAssignments",
  access: "owner",
  summary: "List who was given a role in a group",
  description: "The scopes of keys and the roles that come from the issuer's claims are not among them.",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: z.array(RoleAssignment),
});

export const getRoleAssignment = endpoint({
  id: "getRoleAssignment",
  method: "GET",
  path: "/v1/groups/:group/roleAssignments/:principal",
  access: "owner",
  summary: "Read one role assignment",
  params,
  query: NoQuery,
  body: "none",
  result: RoleAssignment,
  errors: ["RoleAssignmentNotFound"],
});

export const putRoleAssignment = endpoint({
  id: "putRoleAssignment",
  method: "PUT",
  path: "/v1/groups/:group/roleAssignments/:principal",
  access: "owner",
  summary: "Give somebody a role in a group",
  description:
    "Replaces what was assigned before. Nobody is asked whether there is such a subject, key or group. Of several roles the highest counts.",
  params,
  query: NoQuery,
  body: z.strictObject({ role: Role }),
  result: RoleAssignment,
  errors: ["RoleAssignmentLimitReached"],
});

export const deleteRoleAssignment = endpoint({
  id: "deleteRoleAssignment",
  method: "DELETE",
  path: "/v1/groups/:group/roleAssignments/:principal",
  access: "owner",
  summary: "Take an assigned role away; what it allowed and is under way ends",
  description: "Taking away what is not assigned, or never was, succeeds too.",
  params,
  query: NoQuery,
  body: "none",
  result: "none",
});

/**
 * Who may call an endpoint. A role is held in a group, and a higher one may do what the lower ones may; an administrator of
 * the server is the owner of every group.
 */
import * as z from "zod";

/** From the least to the most: reader looks at what there is, user runs things, owner changes the group and who is in it. */
export const roles = ["reader", "user", "owner"] as const;
export const Role = z.enum(roles).meta({ id: "Role" });
export type Role = z.infer<typeof Role>;

/**
 * What an endpoint asks of its caller: nothing (`anyone`), to be known (`caller`), a role in the group of the path, to
 * administer the server (`admin`), or that or the token for metrics (`metrics`).
 */
export type Access = "anyone" | "caller" | Role | "admin" | "metrics";

/** Whether somebody with this role may do what needs that one. */
export function reaches(held: Role, needed: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(needed);
}

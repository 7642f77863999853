import { expect, test } from "vitest";
import { reaches, roles } from "./access.js";
import { endpoints } from "./endpoints.js";

test("a higher role may do what a lower one may, and not the reverse", () => {
  const allowed = roles.flatMap((held) => roles.filter((needed) => reaches(held, needed)).map((to) => `${held}>${to}`));
  expect(allowed).toEqual(["reader>reader", "user>reader", "user>user", "owner>reader", "owner>user", "owner>owner"]);
});

test.each(endpoints)("$id: a role is asked for only where the path names the group that it is held in", (endpoint) => {
  const needsRole = (roles as readonly string[]).includes(endpoint.access);
  if (needsRole) expect(endpoint.path).toContain("/:group");
  else if (endpoint.path.includes("/:group")) expect(endpoint.access).toBe("admin");
});

test.each(endpoints)("$id: nobody changes anything without a role, or as a mere reader", ({ method, access }) => {
  if (method !== "GET") expect(["user", "owner", "admin"]).toContain(access);
  expect(access).toBeDefined();
});

import { type Access, endpoints, type Role, roles } from "@alcove/contract";
import { expect, test } from "vitest";
import { type Caller, daemonOwner, decide, highestRoles } from "./access.js";

const holding = (held: Record<string, Role>, isAdmin = false): Caller => ({
  ...daemonOwner,
  kind: "key",
  isAdmin,
  roles: new Map(Object.entries(held)),
});

const nobody = undefined;
const stranger = holding({});
const table: [Access, string | undefined, Caller | undefined, string][] = [
  ["anyone", undefined, nobody, "allowed"],
  ["caller", undefined, nobody, "unknown"],
  ["reader", "a", nobody, "unknown"],
  ["admin", undefined, nobody, "unknown"],
  ["caller", undefined, stranger, "allowed"],
  ["reader", "a", stranger, "hidden"],
  ["owner", "a", stranger, "hidden"],
  ["admin", undefined, stranger, "forbidden"],
  ["reader", "a", holding({ b: "owner" }), "hidden"],
  ["reader", "a", holding({ a: "reader" }), "allowed"],
  ["user", "a", holding({ a: "reader", b: "owner" }), "forbidden"],
  ["user", "a", holding({ a: "user" }), "allowed"],
  ["owner", "a", holding({ a: "user" }), "forbidden"],
  ["owner", "a", holding({ a: "owner" }), "allowed"],
  ["admin", undefined, holding({ a: "owner" }), "forbidden"],
  ["admin", "a", holding({ a: "owner" }), "forbidden"],
  ["admin", "a", holding({ b: "owner" }), "hidden"],
  ["admin", undefined, holding({}, true), "allowed"],
  ["owner", "a", holding({}, true), "allowed"],
];

test.each(table)("%s in %s", (access, group, caller, verdict) => {
  expect(decide(caller, { access, group })).toBe(verdict);
});

test.each(endpoints)("$id: the owner of one group gets nothing that names another", ({ access, path }) => {
  if (!path.includes("/:group")) return expect(["anyone", "caller", "admin"]).toContain(access);
  expect(decide(holding({ b: "owner" }), { access, group: "a" })).toBe("hidden");
});

test("of several roles in a group the highest counts, in any order", () => {
  for (const order of [roles, [...roles].reverse()]) {
    expect(highestRoles(order.map((role) => ({ group: "a", role })))).toEqual(new Map([["a", "owner"]]));
  }
});

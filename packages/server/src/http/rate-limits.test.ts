import { expect, test } from "vitest";
import type { Caller } from "../control/access/access-control.js";
import { daemonOwner } from "../policy/access.js";
import { createAllowances } from "./rate-limits.js";

const caller = (id: string, requestsPerMinute = 60): Caller => ({
  ...daemonOwner,
  kind: "key",
  principal: `key:${id}`,
  isAdmin: false,
  requestsPerMinute,
});
const tooMany = (retryAfterMs: number) => expect.objectContaining({ code: "TooManyRequests", retryAfterMs });

test("a caller has its requests of ten seconds at once, then as many as its minute gives; another's are its own", () => {
  let now = 0;
  const allowances = createAllowances(() => now);
  for (let count = 9; count >= 0; count--) expect(allowances.take(caller("a"), undefined)?.left).toBe(count);
  expect(() => allowances.take(caller("a"), undefined)).toThrow(tooMany(1_000));
  expect(allowances.take(caller("b"), undefined)).toEqual({ limit: 60, left: 9, resetSeconds: 1 });
  now = 1_000;
  expect(allowances.take(caller("a"), undefined)?.left).toBe(0);
  expect(() => allowances.take(caller("a"), undefined)).toThrow(tooMany(1_000));
});

test("the keys of a group have no more together than a group may have, and another group's go on", () => {
  const allowances = createAllowances(() => 0);
  const of = (group: string, id: string): Caller => ({
    ...caller(id, 1_000_000),
    scopes: [{ group, role: "user" }],
    roles: new Map([[group, "user"]]),
  });
  for (let count = 0; count < 2_500; count++) allowances.take(of("a", `x${count % 100}`), "a");
  // What names no group is the group's too.
  for (let count = 0; count < 2_500; count++) allowances.take(of("a", `y${count % 100}`), undefined);
  expect(() => allowances.take(of("a", "z"), undefined)).toThrow(tooMany(2));
  expect(() => allowances.take(of("a", "z"), "b")).toThrow(tooMany(2));
  // Asking for a group without a role there takes nothing of it.
  for (let count = 0; count < 4_000; count++) allowances.take(of("c", "w"), "b");
  allowances.take(of("b", "v"), "b");
});

test("the daemon's owner has no limit", () => {
  const allowances = createAllowances(() => 0);
  for (let count = 0; count < 10_000; count++) expect(allowances.take(daemonOwner, undefined)).toBeUndefined();
});

test("one address guesses sixty times, a network of IPv6 together, and others are not kept from theirs", () => {
  const allowances = createAllowances(() => 0);
  for (let count = 0; count < 60; count++) allowances.takeFailure("::ffff:10.0.0.1");
  expect(() => allowances.takeFailure("10.0.0.1")).toThrow(tooMany(1_000));
  allowances.takeFailure("10.0.0.2");
  for (let count = 0; count < 60; count++) allowances.takeFailure(`2001:db8::${count.toString(16)}`);
  expect(() => allowances.takeFailure("2001:db8:0:0:7::1")).toThrow(tooMany(1_000));
  allowances.takeFailure("2001:db8:0:1::1");
});

test("addresses without number take no memory without number, and hardly any time each", () => {
  let now = 0;
  const begunAt = process.cpuUsage();
  const allowances = createAllowances(() => now);
  for (let count = 0; count < 30_000; count++)
    allowances.takeFailure(`10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`);
  expect(process.cpuUsage(begunAt).user / 30_000).toBeLessThan(20);
  // The oldest was forgotten, the newest not.
  for (let count = 0; count < 59; count++) allowances.takeFailure(`10.0.${29_999 >> 8}.${29_999 & 255}`);
  expect(() => allowances.takeFailure(`10.0.${29_999 >> 8}.${29_999 & 255}`)).toThrow(tooMany(1_000));
  now = 60_000;
  allowances.takeFailure("10.9.9.9");
});

test("what is under way at once is bounded for a caller, and for a group through all of its callers", () => {
  const allowances = createAllowances(() => 0);
  const leave = Array.from({ length: 256 }, () => allowances.enter(caller("a"), "g"));
  expect(() => allowances.enter(caller("a"), "g")).toThrow(/256 .* of this caller/);
  for (let count = 0; count < 256; count++) allowances.enter(caller("b"), "g");
  expect(() => allowances.enter(caller("c"), "g")).toThrow(/512 .* of the group g/);
  allowances.enter(caller("c"), "h");
  leave[0]?.();
  leave[0]?.();
  allowances.enter(caller("a"), "h");
  expect(() => allowances.enter(caller("a"), "h")).toThrow(/of this caller/);
});

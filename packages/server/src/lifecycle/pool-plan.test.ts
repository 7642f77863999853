import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import { askedWithinMs, fitsQuota, wantedMembers } from "./pool-plan.js";

const bounds = { minimum: 2, maximum: 5 };
const now = 1_000_000;
const ago = (...seconds: number[]) => seconds.map((each) => now - each * 1_000);

test.each([
  { asked: [], wanted: 2 },
  { asked: ago(1), wanted: 2 },
  { asked: ago(40, 20, 1), wanted: 3 },
  { asked: ago(61, 60, 1), wanted: 2 },
  { asked: ago(9, 8, 7, 6, 5, 4, 3), wanted: 5 },
])("after $asked.length creations it wants $wanted", ({ asked, wanted }) => {
  expect(wantedMembers(bounds, asked, now)).toBe(wanted);
});

test("what was asked a whole minute ago counts no more", () => {
  const none = { minimum: 0, maximum: 1 };
  expect(wantedMembers(none, [now - askedWithinMs + 1], now)).toBe(1);
  expect(wantedMembers(none, [now - askedWithinMs], now)).toBe(0);
});

test.each([
  { quota: {}, fits: true },
  { quota: { cores: 2 }, fits: true },
  { quota: { cores: 1.75 }, fits: false },
  { quota: { memory: "4Gi" }, fits: true },
  { quota: { memory: "4095Mi" }, fits: false },
  { quota: { sandboxes: 0, disk: "0Gi" }, fits: true },
])("one more beside as much as it takes, with the quota $quota: $fits", ({ quota, fits }) => {
  expect(fitsQuota(quota, tiers.M, tiers.M)).toBe(fits);
});

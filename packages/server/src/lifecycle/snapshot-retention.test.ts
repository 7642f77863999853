import { expect, test } from "vitest";
import { expiredSnapshots, type RetainedSnapshot } from "./snapshot-retention.js";

const now = 1_000_000_000;
const nobody = () => false;

/** Of a sandbox, so many seconds old. */
function snapshot(sandboxId: string, secondsOld: number, labels: RetainedSnapshot["labels"] = {}) {
  return { id: `${sandboxId}${secondsOld}`, sandboxId, labels, createdAt: now - secondsOld * 1_000 };
}

const ids = (...[snapshots, rule, isUsed = nobody]: [RetainedSnapshot[], object, typeof nobody?]) =>
  expiredSnapshots(snapshots, rule, { now, isUsed }).map(({ id }) => id);

test("without a rule all stay", () => {
  expect(ids([snapshot("a", 1), snapshot("a", 99_999)], {})).toEqual([]);
});

test("of each sandbox the newest so many stay, and the others go, the oldest first", () => {
  const all = [snapshot("a", 3), snapshot("b", 9), snapshot("a", 1), snapshot("a", 2), snapshot("a", 4)];
  expect(ids(all, { keptPerSandbox: 2 })).toEqual(["a4", "a3"]);
  expect(ids(all, { keptPerSandbox: 0 })).toEqual(["b9", "a4", "a3", "a2", "a1"]);
});

test("what is as old as the limit goes, by whichever rule says so first", () => {
  const all = [snapshot("a", 59), snapshot("a", 60), snapshot("b", 61), snapshot("a", 5)];
  expect(ids(all, { keptSeconds: 60 })).toEqual(["b61", "a60"]);
  expect(ids(all, { keptSeconds: 60, keptPerSandbox: 1 })).toEqual(["b61", "a60", "a59"]);
});

test("what is pinned or in use stays, and counts among the newest", () => {
  const all = [snapshot("a", 1, { pinned: "" }), snapshot("a", 2), snapshot("a", 3, { pinned: "yes" })];
  expect(ids(all, { keptPerSandbox: 1 })).toEqual(["a2"]);
  expect(expiredSnapshots(all, { keptPerSandbox: 0 }, { now, isUsed: ({ id }) => id === "a2" })).toEqual([]);
});

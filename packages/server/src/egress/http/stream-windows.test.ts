import fc from "fast-check";
import { expect, test } from "vitest";
import { narrowBytes, StreamWindows } from "./stream-windows.js";
import { WindowBudget } from "./window-budget.js";

const MiB = 1024 * 1024;

/** A connection, and what its streams may have beyond their narrow windows. */
function connection(budget: WindowBudget) {
  let width = narrowBytes;
  const leaving: (() => void)[] = [];
  const windows = new StreamWindows(budget, (bytes) => (width = bytes));
  return {
    enter: () => {
      const leave = windows.enter();
      if (leave !== undefined) leaving.push(leave);
      return leave !== undefined;
    },
    leave: () => leaving.pop()?.(),
    hasRoom: () => windows.hasRoom,
    /** As a program that keeps up takes it. */
    take: (bytes: number, waiting = 0) => windows.taken(bytes, waiting),
    width: () => width,
    beyond: () => leaving.length * (width - narrowBytes),
  };
}

test("one download becomes wide in a few windows' worth, and gives all back", () => {
  const budget = new WindowBudget(32 * MiB);
  const one = connection(budget);
  one.enter();
  for (const window of [64, 256, 1024]) one.take(window * 1024);
  expect(one.width()).toBe(4 * MiB);
  one.take(64 * MiB);
  expect(one.width()).toBe(4 * MiB);
  expect(budget.freeBytes).toBe(28 * MiB + narrowBytes);
  one.leave();
  expect(budget.freeBytes).toBe(32 * MiB);
});

test("where the program lets it wait, it stays narrow", () => {
  const one = connection(new WindowBudget(32 * MiB));
  one.enter();
  for (let round = 0; round < 100; round++) one.take(narrowBytes, narrowBytes);
  expect(one.width()).toBe(narrowBytes);
});

test("a connection of a hundred streams leaves room for the download on another", () => {
  const budget = new WindowBudget(32 * MiB);
  const many = connection(budget);
  for (let stream = 0; stream < 100; stream++) expect(many.enter()).toBe(true);
  for (let round = 0; round < 100; round++) many.take(4 * MiB);
  const one = connection(budget);
  one.enter();
  for (let round = 0; round < 100; round++) one.take(4 * MiB);
  expect(one.width()).toBeGreaterThanOrEqual(MiB);
});

test("whatever they do, all connections together have no more than the budget beyond their narrow windows, and one that is narrow takes any", () => {
  const what = fc.record({ connection: fc.nat(11), does: fc.constantFrom("enter", "enter", "leave", "take") });
  fc.assert(
    fc.property(fc.array(what, { maxLength: 600, size: "max" }), (steps) => {
      const budget = new WindowBudget(8 * MiB);
      const all = Array.from({ length: 12 }, () => connection(budget));
      for (const { connection: at, does } of steps) {
        const one = all[at] as (typeof all)[number];
        const hadRoom = one.hasRoom();
        if (does === "enter") expect(one.enter()).toBe(hadRoom);
        else if (does === "leave") one.leave();
        else one.take(one.width());
        if (one.width() === narrowBytes) expect(one.hasRoom()).toBe(true);
        const beyond = all.reduce((sum, each) => sum + each.beyond(), 0);
        expect(budget.freeBytes).toBe(8 * MiB - beyond);
        expect(beyond).toBeLessThanOrEqual(8 * MiB);
      }
    }),
    { numRuns: 25 },
  );
});

import { expect, test } from "vitest";
import { Suspects } from "./suspects.js";

const pace = { forgetAfterMs: 600_000, firstRefusalMs: 30_000, lastRefusalMs: 100_000 };
const names = Array.from({ length: 20 }, (_, index) => `s${index}`);

/** Plays workers that end whenever they serve the guilty one; answers after how many ends it is refused, and who was hit how often. */
function play(guilty: string) {
  const suspects = new Suspects(pace);
  const hits = new Map<string, number>();
  for (let ends = 1; ends <= 50; ends++) {
    const served = names.filter((id) => suspects.isApart(id, ends) === suspects.isApart(guilty, ends));
    for (const id of served) hits.set(id, (hits.get(id) ?? 0) + 1);
    const [blame] = suspects.ended(served, ends);
    if (blame !== undefined) return { ends, blame, hits };
  }
  throw new Error("nobody was blamed");
}

test.each(["s0", "s7", "s19"])("of twenty the one that ends the process (%s) is refused, and nobody else", (guilty) => {
  const { ends, blame } = play(guilty);
  expect(blame).toEqual({ id: guilty, refusedForMs: 30_000 });
  expect(ends).toBeLessThanOrEqual(8);
});

test("one that is alone is refused at the third end only: others end processes too", () => {
  const suspects = new Suspects(pace);
  expect([1, 2, 3].map((now) => suspects.ended(["a"], now).length)).toEqual([0, 0, 1]);
});

test("refusals double up to the longest, and are over when they are over", () => {
  const suspects = new Suspects(pace);
  for (const now of [1, 2, 3]) suspects.ended(["a"], now);
  expect(suspects.refusedForMs("a", 3)).toBe(30_000);
  expect(suspects.refusedForMs("a", 30_003)).toBe(0);
  const again = [40_000, 110_000, 300_000].map((now) => suspects.ended(["a", "b"], now));
  expect(again).toEqual([60_000, 100_000, 100_000].map((refusedForMs) => [{ id: "a", refusedForMs }]));
  expect(suspects.refusedForMs("b", 300_000)).toBe(0);
});

test("who is not alone is never blamed, however others come and go", () => {
  const suspects = new Suspects(pace);
  for (let now = 1; now < 30; now++) {
    const isTogether = suspects.isApart("victim", now) === suspects.isApart(`passing ${now}`, now);
    expect(suspects.ended(isTogether ? ["victim", `passing ${now}`] : [`passing ${now}`], now)).toEqual([]);
  }
});

test("a quiet time makes all as before, also for who was refused", () => {
  const suspects = new Suspects(pace);
  for (const now of [1, 2]) suspects.ended(["a", "b"], now);
  expect(suspects.apart).toEqual(["a"]);
  expect(suspects.isApart("a", 600_003)).toBe(false);
  for (const now of [700_000, 700_001, 700_002]) suspects.ended(["a"], now);
  expect(suspects.isApart("a", 1_000_000)).toBe(true);
  expect(suspects.isApart("a", 1_400_000)).toBe(false);
  expect(suspects.ended(["a"], 1_400_000)).toEqual([]);
});

import { expect, test } from "vitest";
import { Suspects } from "./suspects.js";

const pace = { forgetAfterMs: 600_000, firstRefusalMs: 30_000, lastRefusalMs: 100_000 };
const names = Array.from({ length: 20 }, (_, index) => `s${index}`);

/** Plays workers that end whenever they serve the guilty one; answers after how many ends it is refused. */
function play(guilty: string, { suspects = new Suspects(pace), from = 0 } = {}) {
  for (let ends = 1; ends <= 50; ends++) {
    const now = from + ends;
    const place = suspects.placeOf(guilty, now);
    const served = names.filter((id) => suspects.placeOf(id, now) === place);
    const blame = suspects.ended(place, served, now);
    if (blame !== undefined) return { ends, blame, suspects };
  }
  throw new Error("nobody was blamed");
}

/** Alone, until it is refused for the first time. */
function blamed(...ids: readonly string[]): Suspects {
  const suspects = new Suspects(pace);
  for (const id of ids) for (const now of [1, 2, 3]) suspects.ended("suspects", [id], now);
  return suspects;
}

test.each(["s0", "s7", "s19"])("of twenty the one that ends the process (%s) is refused, and nobody else", (guilty) => {
  const { ends, blame } = play(guilty);
  expect(blame).toEqual({ id: guilty, refusedForMs: 30_000 });
  expect(ends).toBeLessThanOrEqual(8);
});

test("one that is alone is refused at the third end only: others end processes too", () => {
  const suspects = new Suspects(pace);
  const blames = [1, 2, 3].map((now) => suspects.ended("common", ["a"], now));
  expect(blames).toEqual([undefined, undefined, { id: "a", refusedForMs: 30_000 }]);
});

test("refusals double up to the longest, and are over when they are over", () => {
  const suspects = blamed("a");
  expect(suspects.refusedForMs("a", 3)).toBe(30_000);
  expect(suspects.refusedForMs("a", 30_003)).toBe(0);
  const again = [40_000, 110_000, 300_000].map((now) => suspects.ended("blamed", ["a"], now));
  expect(again).toEqual([60_000, 100_000, 100_000].map((refusedForMs) => ({ id: "a", refusedForMs })));
});

test("who is not alone is never blamed, however others come and go", () => {
  const suspects = new Suspects(pace);
  for (let now = 1; now < 30; now++) {
    const place = suspects.placeOf(`passing ${now}`, now);
    const isTogether = suspects.placeOf("victim", now) === place;
    const served = isTogether ? ["victim", `passing ${now}`] : [`passing ${now}`];
    expect(suspects.ended(place, served, now)).toBeUndefined();
  }
});

test("of those who were blamed before only who is alone is blamed again", () => {
  const suspects = blamed("s3", "s4");
  expect(suspects.placeOf("s3", 50_000)).toBe("blamed");
  const { blame, ends } = play("s4", { suspects, from: 50_000 });
  expect(blame).toEqual({ id: "s4", refusedForMs: 60_000 });
  expect(ends).toBe(3);
  expect(suspects.refusedForMs("s3", 50_004)).toBe(0);
});

test("a neighbour that was blamed before is never served with who is not, and hides nobody", () => {
  const suspects = blamed("s3");
  const { blame } = play("s5", { suspects, from: 50_000 });
  expect(blame).toEqual({ id: "s5", refusedForMs: 30_000 });
  expect(suspects.refusedForMs("s3", 50_050)).toBe(0);
  for (let now = 100_000; now < 100_010; now++)
    for (const other of names.filter((id) => !["s3", "s5"].includes(id)))
      expect(suspects.placeOf(other, now)).not.toBe(suspects.placeOf("s3", now));
});

test("a quiet time makes all as before, also for who was refused", () => {
  const suspects = new Suspects(pace);
  for (const now of [1, 2]) suspects.ended("common", ["a", "b"], now);
  expect(suspects.apart).toEqual(["a"]);
  expect(suspects.placeOf("a", 600_003)).toBe("common");
  for (const now of [700_000, 700_001, 700_002]) suspects.ended("common", ["a"], now);
  expect(suspects.placeOf("a", 1_000_000)).toBe("blamed");
  expect(suspects.placeOf("a", 1_400_000)).toBe("common");
  expect(suspects.ended("common", ["a"], 1_400_000)).toBeUndefined();
});

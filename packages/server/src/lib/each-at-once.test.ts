import { expect, test } from "vitest";
import { eachAtOnce } from "./each-at-once.js";

test("no more than so many are under way, and the answers are in order", async () => {
  let underWay = 0;
  let most = 0;
  const doubled = await eachAtOnce([5, 1, 4, 2, 3], 2, async (number) => {
    underWay += 1;
    most = Math.max(most, underWay);
    for (let turn = 0; turn < number; turn += 1) await Promise.resolve();
    underWay -= 1;
    return 2 * number;
  });
  expect(doubled).toEqual([10, 2, 8, 4, 6]);
  expect(most).toBe(2);
});

test("a failure is told when nothing is under way any more, and nothing begins after it", async () => {
  const begun: number[] = [];
  let underWay = 0;
  const work = async (number: number) => {
    begun.push(number);
    underWay += 1;
    for (let turn = 0; turn < 3 * number; turn += 1) await Promise.resolve();
    underWay -= 1;
    if (number === 1) throw new Error("one");
  };
  await expect(eachAtOnce([1, 2, 3, 4], 2, work)).rejects.toThrow("one");
  expect(begun).toEqual([1, 2]);
  expect(underWay).toBe(0);
});

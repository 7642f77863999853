import { expect, test } from "vitest";
import { keptAnswer } from "./kept-answer.js";

test("an answer is kept for its time, a failure for a shorter one", async () => {
  let [now, asked, fails] = [0, 0, false];
  const ask = keptAnswer(
    async () => {
      asked++;
      if (fails) throw new Error("down");
      return asked;
    },
    { keptMs: 100, failureKeptMs: 10, now: () => now },
  );
  expect([await ask(), await ask()]).toEqual([1, 1]);
  now = 101;
  fails = true;
  await expect(ask()).rejects.toThrow("down");
  await expect(ask()).rejects.toThrow("down");
  expect(asked).toBe(2);
  now = 112;
  fails = false;
  expect(await ask()).toBe(3);
});

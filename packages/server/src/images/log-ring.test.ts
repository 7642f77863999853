import { expect, test } from "vitest";
import { LogRing } from "./log-ring.js";

test("the newest lines are kept, at most 64 KiB, however long one is", () => {
  const ring = new LogRing();
  for (let number = 0; number < 10_000; number += 1) ring.add(`line ${number}`);
  expect(ring.text().length).toBeLessThanOrEqual(64 * 1024);
  expect(ring.text().endsWith("line 9998\nline 9999\n")).toBe(true);
  ring.add("x".repeat(1_000_000));
  expect(ring.text()).toHaveLength(64 * 1024);
});

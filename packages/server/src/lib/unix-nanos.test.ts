import { expect, test } from "vitest";
import { unixNanos } from "./unix-nanos.js";

test("it is the host's time, and moves on between milliseconds", () => {
  expect(Math.abs(Number(unixNanos() / 1_000_000n) - Date.now())).toBeLessThan(5);
  const seen = new Set(Array.from({ length: 1_000 }, () => unixNanos()));
  expect(seen.size).toBeGreaterThan(20);
});

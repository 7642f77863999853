import { expect, test } from "vitest";
import { retryDelayMs } from "./retries.js";

test.each([
  [1, 60_000],
  [2, 120_000],
  [6, 1_920_000],
  [7, 3_600_000],
  [5_000, 3_600_000],
])("what failed %i times is tried again after %i ms", (attempts, delayMs) => {
  expect(retryDelayMs(attempts)).toBe(delayMs);
});

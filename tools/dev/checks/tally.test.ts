import { expect, test } from "vitest";
import { sum, tallyLine } from "./tally.js";

test("the last line names skipped tests only where there are some", () => {
  const one = { passed: 1, failed: 0, skipped: 0 };
  expect(tallyLine(sum([one, one]))).toBe("2 passed, 0 failed");
  expect(tallyLine({ ...one, skipped: 2 })).toBe("1 passed, 0 failed, 2 skipped");
});

import { expect, test } from "vitest";
import { goTally, sum, tallyLine } from "./tally.js";

const event = (Action: string, Test?: string) => JSON.stringify({ Action, Package: "p", Test });

test("Go's tests are counted, their parts are not", () => {
  const lines = [
    event("pass", "TestA/one"),
    event("pass", "TestA"),
    event("fail", "TestB"),
    event("skip", "TestC"),
    event("fail"),
  ];
  expect(goTally(lines.join("\n"))).toEqual({ passed: 1, failed: 1, skipped: 1 });
});

test("a Go package that cannot be built is a failed test", () => {
  expect(goTally(["# p", "x.go:1: no", event("fail")].join("\n"))).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test("the last line names skipped tests only where there are some", () => {
  const one = { passed: 1, failed: 0, skipped: 0 };
  expect(tallyLine(sum([one, one]))).toBe("2 passed, 0 failed");
  expect(tallyLine({ ...one, skipped: 2 })).toBe("1 passed, 0 failed, 2 skipped");
});

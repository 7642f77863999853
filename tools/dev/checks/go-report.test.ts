import { expect, test } from "vitest";
import { goFailures, goTally } from "./go-report.js";

const event = (Action: string, Test?: string, Output?: string) =>
  JSON.stringify({ Action, Package: "p", Test, Output });

test("tests are counted, their parts are not", () => {
  const lines = [
    event("pass", "TestA/one"),
    event("pass", "TestA"),
    event("fail", "TestB"),
    event("skip", "TestC"),
    event("fail"),
  ];
  expect(goTally(lines.join("\n"))).toEqual({ passed: 1, failed: 1, skipped: 1 });
});

test("a package that cannot be built is a failed test", () => {
  const output = ["# p", "x.go:1: no", event("fail")].join("\n");
  expect(goTally(output)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(goFailures(output)).toBe("# p\nx.go:1: no\n");
});

test("only what failed or broke off is shown", () => {
  const lines = [
    event("output", "TestA", "all is well\n"),
    event("pass", "TestA"),
    event("output", "TestB", "x_test.go:3: it is 4\n"),
    event("fail", "TestB"),
    event("output", "TestC", "panic: no\n"),
    event("output", undefined, "FAIL p\n"),
    event("fail"),
  ];
  expect(goFailures(lines.join("\n"))).toBe("x_test.go:3: it is 4\npanic: no\nFAIL p\n");
});

import { InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { durationMs, pairs } from "./option-values.js";

test.each([
  ["500ms", 500],
  ["30s", 30_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
])("%s is %d ms", (text, expected) => {
  expect(durationMs(text)).toBe(expected);
});

test.each(["", "5", "s", "0s", "-1s", "1.5s", "1d", "5 s"])("%j is no duration", (text) => {
  expect(() => durationMs(text)).toThrow(InvalidArgumentError);
});

test("pairs gather, the value may hold an equals sign, and a missing name is refused", () => {
  expect(pairs("B=x=y", pairs("A=1"))).toEqual({ A: "1", B: "x=y" });
  expect(pairs("A=")).toEqual({ A: "" });
  for (const text of ["A", "=1", ""]) expect(() => pairs(text)).toThrow(InvalidArgumentError);
});

import { InvalidArgumentError } from "commander";
import { expect, test } from "vitest";
import { durationMs, momentAhead, momentPast, pairs } from "./option-values.js";

test.each([
  ["500ms", 500],
  ["30s", 30_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["7d", 604_800_000],
])("%s is %d ms", (text, expected) => {
  expect(durationMs(text)).toBe(expected);
});

test.each(["", "5", "s", "0s", "-1s", "1.5s", "1w", "5 s"])("%j is no duration", (text) => {
  expect(() => durationMs(text)).toThrow(InvalidArgumentError);
});

test.each([
  ["2026-01-31", "2026-01-31T00:00:00.000Z"],
  ["2026-01-31T12:00Z", "2026-01-31T12:00:00.000Z"],
  ["2026-01-31T12:00:00.5+02:00", "2026-01-31T10:00:00.500Z"],
])("the moment %s is %s, wherever this machine is", (text, expected) => {
  expect([momentPast(text), momentAhead(text)]).toEqual([expected, expected]);
});

test("a moment is as far behind or ahead as is said", () => {
  const before = Date.now();
  expect(Math.abs(before - 43_200_000 - Date.parse(momentPast("12h")))).toBeLessThan(5_000);
  expect(Math.abs(before + 604_800_000 - Date.parse(momentAhead("7d")))).toBeLessThan(5_000);
});

test.each(["", "1", "7", "yesterday", "2026-01", "2026-13-01", "31.1.2026", "2026-01-31T12:00", "999999999d"])(
  "%j is no moment",
  (text) => {
    expect(() => momentPast(text)).toThrow(InvalidArgumentError);
  },
);

test("pairs gather, the value may hold an equals sign, and a missing name is refused", () => {
  expect(pairs("B=x=y", pairs("A=1"))).toEqual({ A: "1", B: "x=y" });
  expect(pairs("A=")).toEqual({ A: "" });
  for (const text of ["A", "=1", ""]) expect(() => pairs(text)).toThrow(InvalidArgumentError);
});

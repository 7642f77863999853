import { expect, test } from "vitest";
import { age, properties, table } from "./table.js";

test("columns are as wide as their widest cell, and lines end without blanks", () => {
  expect(
    table(
      ["ID", "STATE"],
      [
        ["3f2a", "Running"],
        ["9", ""],
      ],
    ),
  ).toBe("ID    STATE\n3f2a  Running\n9");
});

test("properties leave out what is not known", () => {
  expect(properties({ id: "3f2a", reason: undefined, state: "Running" })).toBe("id     3f2a\nstate  Running");
});

test.each([
  [0, "0s"],
  [119, "119s"],
  [120, "2m"],
  [7_200, "2h"],
  [172_800, "2d"],
  [-5, "0s"],
])("%d seconds ago is %s", (seconds, expected) => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  expect(age(new Date(now - seconds * 1_000).toISOString(), now)).toBe(expected);
});

test("a cell cannot break its line or the terminal", () => {
  expect(table(["NAME"], [["a\nb\u001b[31m"]])).toBe("NAME\na\\u{a}b\\u{1b}[31m");
});

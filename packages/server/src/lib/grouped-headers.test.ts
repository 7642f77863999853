import { expect, test } from "vitest";
import { groupedHeaders } from "./grouped-headers.js";

test("headers are grouped whatever they are called and however they are written", () => {
  const headers = [
    ["A", "1"],
    ["constructor", "2"],
    ["__proto__", "3"],
    ["a", "4"],
  ] as const;
  expect(Object.entries(groupedHeaders(headers))).toEqual([
    ["a", ["1", "4"]],
    ["constructor", ["2"]],
    ["__proto__", ["3"]],
  ]);
});

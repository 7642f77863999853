import { expect, test } from "vitest";
import { groupedHeaders, headersOf } from "./grouped-headers.js";

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

test("a request's headers are grouped, whatever they are named", () => {
  const rawHeaders = ["Host", "a", "__proto__", "1", "host", "b"];
  expect(Object.entries(headersOf({ rawHeaders }))).toEqual([
    ["host", ["a", "b"]],
    ["__proto__", ["1"]],
  ]);
});

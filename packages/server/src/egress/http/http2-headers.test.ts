import { expect, test } from "vitest";
import { http2Headers } from "./http2-headers.js";

test("what came several times stays several, save what HTTP/2 has once; names are the peer's own", () => {
  const headers = http2Headers([
    ["Content-Type", "a/b"],
    ["content-type", "c/d"],
    ["X", "1"],
    ["x", "2"],
    ["constructor", "3"],
    ["__proto__", "4"],
  ]);
  expect(Object.entries(headers)).toEqual([
    ["content-type", "a/b"],
    ["x", ["1", "2"]],
    ["constructor", "3"],
    ["__proto__", "4"],
  ]);
});

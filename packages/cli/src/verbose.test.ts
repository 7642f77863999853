import { expect, test } from "vitest";
import { requestLine } from "./verbose.js";

const seen = {
  method: "GET",
  path: "/v1/health",
  attempt: 1,
  durationMs: 12.4,
  status: 200,
  requestId: "r1",
  failure: undefined,
};

test("a line says what was asked, what came, how long it took, and what the server's log knows it by", () => {
  expect(requestLine(seen)).toBe("GET /v1/health: 200, 12 ms, request r1");
});

test("an attempt after the first is counted, and a failure told", () => {
  const failure = new Error("The connection broke.");
  const line = requestLine({ ...seen, attempt: 2, status: undefined, requestId: undefined, failure });
  expect(line).toBe("GET /v1/health: The connection broke., 12 ms, attempt 2");
});

test("secrets in a query are not shown", () => {
  const path = "/v1/x?path=/root&apiKey=abc&access_token=abc&X-Signature=abc&env=A%3Dabc&page=2";
  const line = requestLine({ ...seen, path });
  expect(line).not.toContain("abc");
  expect(line).toContain("path=/root&");
  expect(line).toContain("&page=2:");
});

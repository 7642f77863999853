import { expect, test } from "vitest";
import { maximumValues, parseJson } from "./parse-json.js";

test.each(['{"__proto__": {"a": 1}}', '{"a": [{"\\u005f_proto__": 1}]}', '{"a": {"_\\u005Fproto__": null}}'])(
  "%s is refused, however deep or escaped",
  (text) => {
    expect(() => parseJson(text)).toThrow("__proto__ is not allowed");
  },
);

test.each(['{"proto": "__proto__"}', '{"constructor": 1, "toString": "\\u0041"}', "[]", "1"])(
  "%s is what JSON says it is",
  (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  },
);

test("nesting and values have bounds, wherever they stand; what stands in strings is no structure", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  expect(parseJson(nested(64))).toBeInstanceOf(Array);
  expect(() => parseJson(nested(65))).toThrow("nested more than 64 deep");
  expect(() => parseJson('{"a":'.repeat(100_000))).toThrow("nested more than 64 deep");
  expect(() => parseJson(`[${"1,".repeat(maximumValues)}1]`)).toThrow("more than 20000 names and values");
  const text = `${"[{,:".repeat(30_000)}\\"\\\\`;
  expect(parseJson(JSON.stringify([text, text]))).toEqual([text, text]);
  expect(() => parseJson('"abc')).toThrow("Unterminated string");
});

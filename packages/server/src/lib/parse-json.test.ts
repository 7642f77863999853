import { expect, test } from "vitest";
import { parseJson } from "./parse-json.js";

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

import fc from "fast-check";
import { expect, test } from "vitest";
import { type PlacedValue, putIn } from "./placed-values.js";

const text = "alcove-placeholder-0001";
const other = "alcove-placeholder-0002";
const one: PlacedValue = { text, value: "s3cret/+ &x", source: "the secret one" };
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString("base64")}`;
const header = (value: string, values = [one], name = "X-Any") =>
  putIn({ headers: [[name, value]], path: "/" }, values).headers[0]?.[1];

test("a value is put in wherever a header has its placeholder, and nothing else is touched", () => {
  expect(header(`token ${text}, ${text}`)).toBe("token s3cret/+ &x, s3cret/+ &x");
  expect(header("alcove-placeholder-000")).toBe("alcove-placeholder-000");
  expect(header(`${basic(`user:${text}`)}`, [one], "X-Any")).toBe(basic(`user:${text}`));
});

test("Basic credentials are taken apart and put together again", () => {
  expect(header(basic(`${text}:x`), [one], "Authorization")).toBe(basic("s3cret/+ &x:x"));
  expect(header(basic(`é:${text}`), [{ ...one, value: "ü\n" }], "authorization")).toBe(basic("é:ü\n"));
  expect(header("bAsIc eDp5", [one], "Authorization")).toBe("bAsIc eDp5");
});

test("in the query it stands escaped, in the path it is not looked for", () => {
  const path = `/${text}?a=${text}&b=${encodeURIComponent("x y")}`;
  expect(putIn({ headers: [], path }, [one]).path).toBe(`/${text}?a=s3cret%2F%2B%20%26x&b=x%20y`);
  const odd = { ...one, text: "{alcove placeholder}" };
  expect(putIn({ headers: [], path: "/?a=%7Balcove%20placeholder%7D" }, [odd]).path).toBe("/?a=s3cret%2F%2B%20%26x");
});

test("what was put in is not looked through again, and the longer placeholder goes before the shorter", () => {
  const nested = [
    { ...one, value: other },
    { text: other, value: "second", source: "" },
  ];
  expect(header(`${text} ${other}`, nested)).toBe(`${other} second`);
  const longer = [one, { text: `${text}0`, value: "longer", source: "" }];
  expect(header(`${text}0 ${text}1`, longer)).toBe("longer s3cret/+ &x1");
});

test.each([
  ["a\nb", "line break"],
  ["é", "ASCII"],
])("a value that no header can hold is refused where one has its placeholder: %j", (value, why) => {
  const values = [{ ...one, value }];
  expect(() => header(text, values)).toThrow(expect.objectContaining({ name: "ValueFailure" }));
  expect(() => header(text, values)).toThrow(why);
  expect(header("no placeholder", values)).toBe("no placeholder");
  expect(putIn({ headers: [], path: `/?${text}` }, values).path).toBe(`/?${encodeURIComponent(value)}`);
});

test("a head does not grow beyond its bound, however often a program names a long value", () => {
  const long = { ...one, value: "v".repeat(20_000) };
  expect(header(`${text}${text}${text}`, [long])).toHaveLength(60_000);
  expect(() => header(text.repeat(4), [long])).toThrow("too long");
});

test("it is what replacing one after the other gives, where no value has a placeholder", () => {
  const value = fc.string({ unit: fc.constantFrom("v", "$", "&", "1", "\\"), maxLength: 6 });
  const pieces = fc.array(fc.oneof(fc.constantFrom(text, other, "x", "$&"), value), { maxLength: 8 });
  fc.assert(
    fc.property(value, value, pieces, (first, second, parts) => {
      const values = [
        { text, value: first, source: "" },
        { text: other, value: second, source: "" },
      ];
      const expected = parts.join("").split(text).join(first).split(other).join(second);
      expect(header(parts.join(""), values)).toBe(expected);
    }),
  );
});

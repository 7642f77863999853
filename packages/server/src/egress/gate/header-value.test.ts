import { expect, test } from "vitest";
import { headerValue } from "./header-value.js";

test("a value stands in what the rule says around it, whatever it looks like itself", () => {
  expect(headerValue("s3cret", "the secret x")).toBe("s3cret");
  expect(headerValue("s3cret", "the secret x", "Bearer {value}")).toBe("Bearer s3cret");
  expect(headerValue("$&{value}$1", "the secret x", "a {value} b")).toBe("a $&{value}$1 b");
});

test.each([
  ["", "is empty"],
  ["s3cret\n", "a line break"],
  ["s3cret\r\nX-Other: 1", "a line break"],
  [" s3cret", "spaces around it"],
  ["s3crét", "not printable ASCII"],
  ["s3\0cret", "not printable ASCII"],
  ["s".repeat(16_385), "longer than"],
])("%j is refused, in a sentence without it", (value, why) => {
  const refused = () => headerValue(value, "the secret x");
  expect(refused).toThrow(expect.objectContaining({ name: "ValueFailure", message: expect.stringContaining(why) }));
  expect(refused).not.toThrow("s3");
});

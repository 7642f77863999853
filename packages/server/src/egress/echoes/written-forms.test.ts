import { expect, test } from "vitest";
import { Needles } from "./needles.js";
import { redacted } from "./redaction.js";
import { longestBytes, shortestBytes, writtenForms } from "./written-forms.js";

const value = 'ghp_s3cret/+"value" ~ü';
const needles = new Needles(writtenForms(value));
const through = (text: string) => redacted(Buffer.from(text), needles).toString();

test.each([
  ["as it is", value],
  ["in a URL", encodeURIComponent(value)],
  ["in JSON", JSON.stringify({ value })],
  ["in JSON with slashes escaped", JSON.stringify({ value }).replaceAll("/", "\\/")],
  ["in Basic credentials", btoa(`a:${unescape(encodeURIComponent(value))}`)],
  ["in base64, one byte further", Buffer.from(`ab:${value}`).toString("base64")],
  ["in base64, two bytes further", Buffer.from(`abc:${value}x`).toString("base64")],
  ["in base64 for URLs", Buffer.from(`abc:${value}x`).toString("base64url")],
])("it is found %s", (_, text) => {
  const left = through(`before ${text} after`);
  expect(left).toMatch(/^before .+ after$/);
  expect(left).toHaveLength(Buffer.from(`before ${text} after`).length);
  expect(left).not.toMatch(/s3cret|czNjcm|M2NyZX|zM2Nyc/);
  expect(left).toMatch(/\*{20}/);
});

test("a long one is found whole in pieces, spaces around it do not count, a short one is left alone", () => {
  const long = Array.from({ length: 301 }, (_, at) => String.fromCharCode(33 + (at % 90))).join("");
  expect(redacted(Buffer.from(`<${long}>`), new Needles(writtenForms(`${long}\n`))).toString()).toBe(
    `<${"*".repeat(301)}>`,
  );
  expect(Math.max(...writtenForms(long).map(({ length }) => length))).toBe(longestBytes);
  expect(writtenForms("s".repeat(shortestBytes - 1))).toEqual([]);
});

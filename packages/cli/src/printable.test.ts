import { expect, test } from "vitest";
import { json, yaml } from "./output/format.js";
import { printable, printableLines } from "./printable.js";

const hostile = "a\u001b[2Jb\u009b31mc\u202ed";

test("what others wrote cannot move a terminal's cursor, colour it or turn its text around", () => {
  expect(printable(`${hostile}\ne\tf`)).toBe("a\\u{1b}[2Jb\\u{9b}31mc\\u{202e}d\\u{a}e\\u{9}f");
  expect(printableLines("a\r\n\tb\rc\u001b")).toBe("a\n\tb\\u{d}c\\u{1b}");
});

test("JSON and YAML hold the same value without what a terminal obeys", async () => {
  const value = { [hostile]: [hostile, "plain", "two\nlines"] };
  expect(json(value)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  expect(JSON.parse(json(value))).toEqual(value);
  const { parse } = await import("yaml");
  expect(await yaml(value)).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  expect(parse(await yaml(value))).toEqual(value);
});

test("YAML quotes what an older reader would take for something else than text", async () => {
  expect(await yaml({ a: "yes", b: "2026-01-01", c: "plain" })).toBe('a: "yes"\nb: "2026-01-01"\nc: plain\n');
});

import { expect, test } from "vitest";
import { printable } from "./printable.js";

test("what could steer a terminal or forge a line is escaped", () => {
  expect(printable("a\u001b[2Jb\nc\u202ed\u0000")).toBe("a\\u{1b}[2Jb\\u{a}c\\u{202e}d\\u{0}");
});

test("ordinary text stays, long text is cut", () => {
  expect(printable("Grüße, 世界")).toBe("Grüße, 世界");
  expect(printable("x".repeat(10), 4)).toBe("xxxx…");
});

import { expect, test } from "vitest";
import { createEscapes } from "./escapes.js";

/** What comes of chunks that are typed one after the other. */
function typed(...chunks: readonly string[]) {
  const escapes = createEscapes();
  const all = chunks.map((chunk) => escapes(Buffer.from(chunk)));
  return {
    text: all.map(({ bytes }) => Buffer.from(bytes).toString()).join(""),
    leaves: all.some((one) => one.leaves),
  };
}

test.each([
  [["~."], "", true],
  [["ls\r~."], "ls\r", true],
  [["ls\r", "~", "."], "ls\r", true],
  [["ls ~."], "ls ~.", false],
  [["~~."], "~.", false],
  [["~/bin\r"], "~/bin\r", false],
  [["\n~.ignored"], "\n", true],
  [["~\r~."], "~\r", true],
  [["ü~."], "ü~.", false],
] as const)("%j", (chunks, text, leaves) => {
  expect(typed(...chunks)).toEqual({ text, leaves });
});

test("a tilde that waits is typed with what comes next", () => {
  const escapes = createEscapes();
  expect(escapes(Buffer.from("~")).bytes).toHaveLength(0);
  expect(Buffer.from(escapes(Buffer.from("x")).bytes).toString()).toBe("~x");
});

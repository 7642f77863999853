import { expect, test } from "vitest";
import { ScreenModes } from "./screen-modes.js";

const reset = "\u001b[0m";

function after(...chunks: readonly string[]): string {
  const modes = new ScreenModes();
  for (const chunk of chunks) modes.see(Buffer.from(chunk));
  return modes.undoing();
}

test("what a program left on is switched off, and a cursor that it hid is shown", () => {
  expect(after("\u001b[?1049h\u001b[?1000;1006hpage\u001b[?25l")).toBe(
    `\u001b[?1049l\u001b[?1000l\u001b[?1006l\u001b[?25h${reset}`,
  );
});

test("what it switched off itself is left alone", () => {
  expect(after("\u001b[?1049h", "\u001b[?25l", "\u001b[?25h\u001b[?1049l")).toBe(reset);
});

test("a sequence may come in pieces, and twice does no harm", () => {
  expect(after("text\u001b[?20", "04h$ \u001b[?2004h")).toBe(`\u001b[?2004l${reset}`);
});

test("modes that no terminal has are not kept", () => {
  expect(after("\u001b[?9999h\u001b[?10000h\u001b[?123456789012h")).toBe(`\u001b[?9999l${reset}`);
});

import { expect, test } from "vitest";
import { terminalEnvironment } from "./guest-term.js";

test("a kind that guests know is passed on, with its colours", () => {
  expect(terminalEnvironment({ TERM: "tmux-256color", COLORTERM: "truecolor" })).toEqual({
    TERM: "tmux-256color",
    COLORTERM: "truecolor",
  });
});

test.each(["xterm-kitty", "alacritty", "xterm-ghostty", "../../etc", undefined])("%s passes for an xterm", (TERM) => {
  expect(terminalEnvironment({ TERM })).toEqual({ TERM: "xterm-256color" });
});

test("a language that guests may not have is not passed on, and nothing else is", () => {
  expect(terminalEnvironment({ TERM: "linux", LANG: "de_DE.UTF-8", LC_ALL: "C.UTF-8", SECRET: "x" })).toEqual({
    TERM: "linux",
    LC_ALL: "C.UTF-8",
  });
});

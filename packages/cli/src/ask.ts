/** Questions on a terminal. */
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Cli } from "./cli.js";

const enter = new Set(["\r", "\n", "\u0004"]);
const erase = new Set(["\u007f", "\b"]);
const interrupt = "\u0003";

/** True for y or yes; nothing typed is no. */
export async function confirm(cli: Cli, question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: cli.signal });
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

/** A line that is typed without being shown. The terminal is as it was afterwards, however this ends. */
export async function askSecret(cli: Cli, question: string): Promise<string> {
  const { stdin } = process;
  // The echo goes before the question is there, so that nobody types too early.
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  process.stderr.write(question);
  stdin.resume();
  try {
    for (let typed = ""; ; ) {
      const [chunk] = (await once(stdin, "data", { signal: cli.signal })) as [string];
      for (const character of chunk) {
        if (character === interrupt) cli.interrupt();
        cli.signal.throwIfAborted();
        if (enter.has(character)) return typed;
        typed = erase.has(character) ? typed.slice(0, -1) : typed + character;
      }
    }
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write("\n");
  }
}

/** Options of a program in a sandbox, the same for `exec` and `run`. The launcher understands them too: agent/launcher/command.go. */
import { fstatSync } from "node:fs";
import type { SpawnOptions } from "alcove";
import type { Command } from "commander";
import { UsageError } from "./exit-codes.js";
import { durationMs, pairs } from "./option-values.js";

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly user?: string;
  readonly timeout?: number;
  readonly interactive?: true;
}

export function addProgramOptions(command: Command): Command {
  return command
    .option("-w, --cwd <directory>", "where it starts")
    .option("-e, --env <key=value>", "add to its environment; repeat for more", pairs)
    .option("-u, --user <user>", "a name, a uid, or uid:gid; default root")
    .option("-t, --timeout <time>", "end it after this time: 500ms, 30s, 5m, 2h", durationMs)
    .option("-i, --interactive", "give it what is typed; what is piped it gets anyway")
    .passThroughOptions();
}

/** In the SDK's words. */
export function spawnOptions({ cwd, env, user, timeout, interactive }: ProgramOptions): SpawnOptions {
  const stdin = interactive === true || stdinIsPiped() ? process.stdin : false;
  return { cwd, env, user, timeoutMs: timeout, stdin };
}

/** The program and its arguments, behind an optional `--`. */
export function programOf(words: readonly string[]): [string, ...string[]] | undefined {
  if (words[0] !== "--" && words[0]?.startsWith("-") === true) {
    throw new UsageError(
      `The option ${words[0]} stands behind the name.`,
      "Options go before it; a program that begins with a hyphen goes behind --.",
    );
  }
  const [program, ...args] = words[0] === "--" ? words.slice(1) : words;
  return program === undefined ? undefined : [program, ...args];
}

/** A pipe, a socket or a file is there to be read; a terminal or /dev/null is not. */
function stdinIsPiped(): boolean {
  try {
    const stats = fstatSync(0);
    return stats.isFIFO() || stats.isSocket() || stats.isFile();
  } catch {
    return false;
  }
}

/** The CLI as a real process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../../packages/cli/bin/", import.meta.url));

/** Both ways in: the launcher, which does `exec` and `run` itself, and Node alone. */
export const entries = { launcher: `${bin}alcove`, node: `${bin}alcove.js` } as const;
export type Entry = keyof typeof entries;

/** What the developer has set is not what is tested. */
export const withoutConfiguration = {
  XDG_CONFIG_HOME: "/nonexistent",
  ...Object.fromEntries(
    ["URL", "API_KEY", "GROUP", "CONTEXT", "SOCKET", "OUTPUT"].map((name) => [`ALCOVE_${name}`, ""]),
  ),
};

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly environment: Readonly<Record<string, string>>;
  /** Piped in; without, standard input is /dev/null. */
  readonly input?: string | Uint8Array;
  readonly entry?: Entry;
  /** Called when the process is there. */
  readonly onStart?: (child: ChildProcess) => void;
}

export async function runCli(words: readonly string[], options: CliOptions): Promise<CliResult> {
  const { environment, input, entry = "node", onStart } = options;
  const child = spawn(entries[entry], words, {
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: { ...process.env, ...withoutConfiguration, ...environment },
  });
  child.stdin?.end(input);
  onStart?.(child);
  const [stdout, stderr, [code]] = await Promise.all([
    buffer(child.stdout as NodeJS.ReadableStream),
    buffer(child.stderr as NodeJS.ReadableStream),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { code, stdout: stdout.toString(), stderr: stderr.toString() };
}

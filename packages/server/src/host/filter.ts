/** A program as a filter: bytes go in, bytes come out, and it ends with whoever reads. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { killGroup } from "./run.js";

export interface FilterOptions {
  readonly signal: AbortSignal;
  readonly onStart?: (pid: number) => void;
}

/** Throws the input's own error, or FilterError when the program did not end well. */
export async function* filterThrough(
  program: string,
  args: readonly string[],
  input: AsyncIterable<Uint8Array>,
  { signal, onStart }: FilterOptions,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  const child = spawn(program, [...args], { stdio: ["pipe", "pipe", "ignore"], detached: true });
  const exited = once(child, "close").then(([code]) => code as number | null);
  exited.catch(() => undefined);
  if (child.pid !== undefined) onStart?.(child.pid);
  const fault: { input?: unknown } = {};
  const fed = pipeline(watched(input, fault), child.stdin).catch(() => undefined);
  const end = () => void (child.pid !== undefined && killGroup(child.pid, "SIGKILL"));
  signal.addEventListener("abort", end, { once: true });
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const code = await exited;
    signal.throwIfAborted();
    if (fault.input !== undefined) throw fault.input;
    if (code !== 0) throw new FilterError(`${program} ended with exit code ${code}`);
  } finally {
    signal.removeEventListener("abort", end);
    if (child.exitCode === null && child.signalCode === null) end();
    child.stdin.destroy();
    await Promise.allSettled([fed, exited]);
  }
}

export class FilterError extends Error {
  override readonly name = "FilterError";
}

/** An error of the input ends the program's input; it is kept for whoever reads the output. */
function watched(input: AsyncIterable<Uint8Array>, fault: { input?: unknown }): Readable {
  return Readable.from(
    (async function* () {
      try {
        yield* input;
      } catch (error) {
        fault.input = error;
        throw error;
      }
    })(),
    { objectMode: false },
  );
}

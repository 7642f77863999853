/**
 * Runs a program to its end. The program leads a process group of its own; when the signal aborts or the time is over,
 * the whole group is asked to end (SIGTERM) and then made to (SIGKILL), and `run` answers only when it is gone.
 *
 * The output is captured within a bound: the newest bytes are kept, so an error can show the last lines.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { OutputCapture } from "./output-capture.js";

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly workingDirectory?: string;
  /** The whole environment of the program; this process's own when left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  /** Called with every line as it comes, of both streams. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** Called once the program runs, with its process id, which is its process group's id too. */
  readonly onStart?: (pid: number) => void;
  /** How much of each stream is kept; 1 MiB when left out. */
  readonly captureLimitBytes?: number;
  /** How long the group has between SIGTERM and SIGKILL; 2 s when left out. */
  readonly killGraceMs?: number;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** A program that could not be started or did not end well. The message names it, how it ended and its last lines. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly reason: "NotFound" | "Failed" | "TimedOut";
  readonly exitCode: number | undefined;
  readonly output: Output;

  constructor(message: string, how: Pick<RunError, "reason" | "exitCode" | "output"> & { readonly cause?: unknown }) {
    super(message, how.cause === undefined ? undefined : { cause: how.cause });
    this.reason = how.reason;
    this.exitCode = how.exitCode;
    this.output = how.output;
  }
}

/** Fulfils when the program ended with exit code 0. Throws RunError, or the signal's reason when it aborted. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const startedAt = performance.now();
  const child = start(program, args, options);
  const stdout = new OutputCapture(child.stdout, options, "stdout");
  const stderr = new OutputCapture(child.stderr, options, "stderr");
  const deadline = new Deadline(child, options);
  feed(child.stdin, options.input);
  try {
    const end = await ending(child);
    options.signal?.throwIfAborted();
    const output = { stdout: stdout.text(), stderr: stderr.text() };
    if (deadline.passed) throw timedOut(program, options, output);
    if (end.error !== undefined) throw notStarted(program, end.error, output);
    if (end.exitCode !== 0) throw failed(program, end, output);
    return { ...output, durationMs: performance.now() - startedAt };
  } finally {
    deadline.clear();
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function start(program: string, args: readonly string[], options: RunOptions): Child {
  const child = spawn(program, [...args], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
    ...(options.environment === undefined ? {} : { env: { ...options.environment } }),
  });
  if (child.pid !== undefined) options.onStart?.(child.pid);
  return child;
}

/** A program may end without reading its input; that is its right, so a broken pipe is no error. */
function feed(stdin: Writable, input: string | Uint8Array | undefined): void {
  stdin.on("error", () => undefined);
  stdin.end(input);
}

interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: NodeJS.ErrnoException;
}

/** `close` comes after both output streams have ended; a program that never started has only `error`. */
function ending(child: Child): Promise<Ending> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ exitCode: null, signal: null, error }));
    child.once("close", (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

/** Ends the group when the signal aborts or the time is over. */
class Deadline {
  passed = false;
  readonly #child: Child;
  readonly #options: RunOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(child: Child, options: RunOptions) {
    this.#child = child;
    this.#options = options;
    options.signal?.addEventListener("abort", this.#end, { once: true });
    if (options.signal?.aborted) this.#end();
    if (options.timeoutMs !== undefined) this.#timer = setTimeout(this.#expire, options.timeoutMs);
  }

  clear(): void {
    this.#options.signal?.removeEventListener("abort", this.#end);
    clearTimeout(this.#timer);
    clearTimeout(this.#killTimer);
  }

  readonly #expire = (): void => {
    this.passed = true;
    this.#end();
  };

  readonly #end = (): void => {
    const group = this.#child.pid;
    if (group === undefined) return;
    killGroup(group, "SIGTERM");
    this.#killTimer = setTimeout(this.#kill, this.#options.killGraceMs ?? 2_000, group);
  };

  /** A process that left the group may still hold the output open; nobody waits for it. */
  readonly #kill = (group: number): void => {
    killGroup(group, "SIGKILL");
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  };
}

/** Signals every process of a group; a group that is gone already is as wanted. */
export function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

function timedOut(program: string, options: RunOptions, output: Output): RunError {
  const message = `${program} had not ended after ${options.timeoutMs} ms and was stopped${lastLines(output)}`;
  return new RunError(message, { reason: "TimedOut", exitCode: undefined, output });
}

function notStarted(program: string, error: NodeJS.ErrnoException, output: Output): RunError {
  // A directory in PATH that this user may not enter answers for a program that is nowhere.
  const isMissing = error.code === "ENOENT" || (error.code === "EACCES" && !program.includes("/"));
  const why = isMissing ? "there is no such program" : error.message;
  return new RunError(`${program} could not be started: ${why}`, {
    reason: "NotFound",
    exitCode: undefined,
    output,
    cause: error,
  });
}

function failed(program: string, end: Ending, output: Output): RunError {
  const how = end.signal === null ? `exit code ${end.exitCode}` : `signal ${end.signal}`;
  const message = `${program} ended with ${how}${lastLines(output)}`;
  return new RunError(message, { reason: "Failed", exitCode: end.exitCode ?? undefined, output });
}

function lastLines(output: Output): string {
  const text = output.stderr.trim() === "" ? output.stdout : output.stderr;
  const lines = text.trim().split("\n").slice(-5).join("\n");
  return lines === "" ? ", and said nothing" : `; its last lines:\n${lines}`;
}

/** Snippets of Python, JavaScript and shell, run in a sandbox. */

import {
  type CodeSandbox,
  Interpreter,
  type Language,
  languages,
  type Snippet,
  type SnippetOutcome,
} from "./interpreter.js";
import type { CodeError, SnippetResult } from "./result-file.js";

export interface CodeOptions {
  /** Keep an interpreter per language: what a snippet defines is there for the next one. Default false. */
  readonly state?: boolean | undefined;
  /** Where snippets start; default: the sandbox's own directory, else the user's home. */
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A name, a uid, or uid:gid; default root. */
  readonly user?: string | undefined;
  /** As `run`'s, where that names none. */
  readonly timeoutMs?: number | undefined;
  /** Other programs than python3, node and sh, such as `{ python: "/opt/venv/bin/python" }`. */
  readonly programs?: Readonly<Partial<Record<Language, string>>> | undefined;
  /** Bytes kept of each of stdout and stderr; default 1 MiB. The rest is read, counted and dropped. */
  readonly outputLimitBytes?: number | undefined;
  /** Characters of a value, a message, a traceback; default 1 MiB. A value that is longer comes as text, cut. */
  readonly valueLimit?: number | undefined;
}

export interface RunOptions {
  /** The snippet and all it started are killed after this time, and its interpreter with it. Default without limit. */
  readonly timeoutMs?: number | undefined;
  /** Called with pieces of output as they come, as far as they are kept. */
  readonly onStdout?: ((text: string) => void) | undefined;
  readonly onStderr?: ((text: string) => void) | undefined;
  /** Aborting kills the snippet, and its interpreter with it. */
  readonly signal?: AbortSignal | undefined;
}

export interface CodeResult {
  readonly stdout: string;
  readonly stderr: string;
  /** More came than was kept. */
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  /**
   * Of the last expression: as JSON has it where JSON can say it whole, else as the language shows it, as text. Undefined
   * where there is none: after None, undefined, a statement, a shell's line.
   */
  readonly value: unknown;
  /** Which of these it is. */
  readonly valueKind: "none" | "json" | "text";
  /** The text was longer than `valueLimit`. */
  readonly valueTruncated: boolean;
  /** Set when the snippet failed: it threw, exited with another code than 0, ran out of time, or took its interpreter with it. */
  readonly error: CodeError | undefined;
  readonly exitCode: number;
  readonly timedOut: boolean;
  /** From when it was sent to when its result was there. */
  readonly durationMs: number;
}

const defaultLimit = 1_048_576;

/**
 * Runs snippets in a sandbox. Dispose of it to end the interpreters that it keeps.
 *
 * @example
 * ```ts real
 * import { Code, Sandbox } from "alcove";
 *
 * await using sandbox = await Sandbox.create({ image: "debian" });
 * const code = new Code(sandbox);
 * const { value, stdout } = await code.run("python", "print('adding')\n[1 + 1, 'two']");
 * console.log(value, stdout);
 * const { error } = await code.run("python", "1 / 0");
 * console.log(error?.name, error?.message);
 * ```
 */
export class Code implements AsyncDisposable {
  readonly #sandbox: CodeSandbox;
  readonly #options: CodeOptions;
  readonly #kept = new Map<Language, Interpreter>();
  readonly #last = new Map<Language, Promise<unknown>>();

  constructor(sandbox: CodeSandbox, options: CodeOptions = {}) {
    this.#sandbox = sandbox;
    this.#options = options;
  }

  /**
   * Runs one snippet and answers how it went; that it failed is in `error`, not thrown. With `state` those of one language
   * run one after the other. CodeUnavailableError where the sandbox's image has no such interpreter.
   */
  run(language: Language, source: string, options: RunOptions = {}): Promise<CodeResult> {
    if (!Object.hasOwn(languages, language)) {
      const known = Object.keys(languages).join(", ");
      throw new TypeError(`There is no language ${JSON.stringify(language)}: ${known}.`);
    }
    if (this.#options.state !== true) return this.#run(language, source, options);
    const before = this.#last.get(language) ?? Promise.resolve();
    const running = before.then(() => this.#run(language, source, options));
    this.#last.set(
      language,
      running.catch(() => undefined),
    );
    return running;
  }

  /** Ends the interpreters that were kept: what they knew is forgotten, and the next snippet begins anew. */
  async reset(): Promise<void> {
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(kept.map((interpreter) => interpreter.kill()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset();
  }

  async #run(language: Language, source: string, options: RunOptions): Promise<CodeResult> {
    const { signal, timeoutMs = this.#options.timeoutMs } = options;
    signal?.throwIfAborted();
    const { outputLimitBytes = defaultLimit, valueLimit = defaultLimit } = this.#options;
    const snippet: Snippet = {
      ...{ source, outputLimitBytes, valueLimit, signal },
      ...{ onStdout: options.onStdout, onStderr: options.onStderr },
    };
    const interpreter = await this.#interpreter(language, { signal, timeoutMs });
    const startedAt = performance.now();
    const watch = new Watch(interpreter, timeoutMs, signal);
    try {
      const outcome = await interpreter.run(snippet);
      signal?.throwIfAborted();
      const isLate = watch.hasFired || outcome.end?.timedOut === true;
      return resultOf(outcome, { timedOutMs: isLate ? timeoutMs : undefined, startedAt });
    } finally {
      await watch.end();
      if (interpreter.isEnded) this.#forget(language, interpreter);
    }
  }

  async #interpreter(
    language: Language,
    { signal, timeoutMs }: Pick<RunOptions, "signal" | "timeoutMs">,
  ): Promise<Interpreter> {
    const kept = this.#kept.get(language);
    if (kept !== undefined && !kept.isEnded) return kept;
    const { state: isKept = false, cwd, env, user, programs } = this.#options;
    const program = programs?.[language] ?? languages[language].program;
    // One that is kept outlives what its snippets are given.
    const limits = isKept ? {} : { signal, timeoutMs };
    const options = { program, isKept, cwd, env, user, ...limits };
    const interpreter = await Interpreter.start(this.#sandbox, language, options);
    if (isKept) this.#kept.set(language, interpreter);
    return interpreter;
  }

  #forget(language: Language, interpreter: Interpreter): void {
    if (this.#kept.get(language) === interpreter) this.#kept.delete(language);
  }
}

/** Kills an interpreter whose snippet runs out of time, or whose caller has given up. */
class Watch {
  hasFired = false;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #abort: () => void;
  #killing: Promise<void> | undefined;

  constructor(interpreter: Interpreter, timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    const kill = () => {
      this.#killing ??= interpreter.kill();
      this.#killing.catch(() => undefined);
    };
    this.#abort = kill;
    this.#signal = signal;
    signal?.addEventListener("abort", kill, { once: true });
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => {
      this.hasFired = true;
      kill();
    }, timeoutMs);
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    await this.#killing;
  }
}

function resultOf(
  { stdout, stderr, result, end }: SnippetOutcome,
  { timedOutMs, startedAt }: { readonly timedOutMs: number | undefined; readonly startedAt: number },
): CodeResult {
  const exitCode = result?.exitCode ?? end?.exitCode ?? 0;
  const { kind = "none", value, isCut = false } = result ?? {};
  return {
    stdout: stdout.text,
    stderr: stderr.text,
    stdoutTruncated: stdout.isTruncated,
    stderrTruncated: stderr.isTruncated,
    value,
    valueKind: kind,
    valueTruncated: isCut,
    error: errorOf({ result, end, exitCode, timedOutMs }),
    exitCode,
    timedOut: timedOutMs !== undefined,
    durationMs: performance.now() - startedAt,
  };
}

interface Ending {
  readonly result: SnippetResult | undefined;
  readonly end: SnippetOutcome["end"];
  readonly exitCode: number;
  readonly timedOutMs: number | undefined;
}

function errorOf({ result, end, exitCode, timedOutMs }: Ending): CodeError | undefined {
  if (timedOutMs !== undefined) {
    return { name: "TimedOut", message: `The snippet did not end within ${timedOutMs} ms.`, traceback: "" };
  }
  if (result?.error !== undefined) return result.error;
  if (result === undefined && end === undefined) {
    return { name: "NoResult", message: "The snippet took its own result away.", traceback: "" };
  }
  if (end?.signal !== undefined) {
    return { name: "ProcessEnded", message: `The interpreter was ended by ${end.signal}.`, traceback: "" };
  }
  if (exitCode === 0) return undefined;
  return { name: "ProcessExit", message: `The snippet exited with ${exitCode}.`, traceback: "" };
}

/**
 * One interpreter in a sandbox, for one snippet or, kept, for one after the other.
 *
 * To add a language: 1. its driver in `driver-<language>.ts`, which keeps to what python's says  2. a row in `languages`
 * 3. a row in the tests' table of languages  4. docs/code.md.
 */
import { AlcoveError } from "@alcove/contract";
import { CodeUnavailableError } from "../errors.js";
import type { ProcessOptions } from "../exec.js";
import type { ExecEnd, ExecHandle } from "../exec-handle.js";
import type { SandboxHandle } from "../sandbox-handle.js";
import { javascriptDriver } from "./driver-javascript.js";
import { pythonDriver } from "./driver-python.js";
import { shellDriver } from "./driver-shell.js";
import { type Captured, MarkedOutput } from "./marked-output.js";
import { randomName, type SnippetResult, takeResult } from "./result-file.js";

export type Language = "python" | "javascript" | "shell";

interface LanguageKind {
  readonly program: string;
  /** Arguments that make the program a driver. */
  readonly driver: readonly string[];
}

export const languages: Readonly<Record<Language, LanguageKind>> = {
  python: { program: "python3", driver: ["-c", pythonDriver] },
  javascript: { program: "node", driver: ["-e", javascriptDriver] },
  shell: { program: "sh", driver: ["-c", shellDriver] },
};

/** What of a sandbox it needs. */
export type CodeSandbox = Pick<SandboxHandle, "id" | "spawn" | "files" | "info" | "execs">;

export interface InterpreterOptions extends Pick<ProcessOptions, "cwd" | "env" | "user" | "timeoutMs" | "signal"> {
  readonly program: string;
  /** It takes more than one snippet. */
  readonly isKept: boolean;
}

export interface Snippet {
  readonly source: string;
  readonly outputLimitBytes: number;
  readonly valueLimit: number;
  readonly onStdout: ((text: string) => void) | undefined;
  readonly onStderr: ((text: string) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface SnippetOutcome {
  readonly stdout: Captured;
  readonly stderr: Captured;
  /** Undefined where the interpreter left none. */
  readonly result: SnippetResult | undefined;
  /** Set when the interpreter has ended. */
  readonly end: ExecEnd | undefined;
}

const killed: ExecEnd = { exitCode: 137, signal: "KILL", timedOut: false, durationMs: 0, lostBytes: 0 };
const exitNotFound = 127;
const directory = "/tmp";

export class Interpreter {
  readonly #sandbox: CodeSandbox;
  readonly #language: Language;
  readonly #options: InterpreterOptions;
  readonly #handle: ExecHandle;
  readonly #stdout: MarkedOutput;
  readonly #stderr: MarkedOutput;
  /** It has ended; what it printed has all come. */
  readonly ended: Promise<ExecEnd>;
  isEnded = false;
  #isKilled = false;

  private constructor(parts: Parts) {
    this.#sandbox = parts.sandbox;
    this.#language = parts.language;
    this.#options = parts.options;
    this.#handle = parts.handle;
    this.#stdout = new MarkedOutput(parts.handle.stdout);
    this.#stderr = new MarkedOutput(parts.handle.stderr);
    this.ended = this.#end();
    this.ended.catch(() => undefined);
  }

  static async start(sandbox: CodeSandbox, language: Language, options: InterpreterOptions): Promise<Interpreter> {
    const { program, isKept: _isKept, ...process } = options;
    const command = [program, ...languages[language].driver] as const;
    const handle = await sandbox.spawn(command, { ...process, stdin: true });
    return new Interpreter({ sandbox, language, options, handle });
  }

  /** Runs one snippet. One at a time. */
  async run(snippet: Snippet): Promise<SnippetOutcome> {
    const { outputLimitBytes: limitBytes, signal } = snippet;
    const name = randomName();
    const mark = this.#options.isKept || this.#language === "shell" ? randomName() : undefined;
    const result = `${directory}/.alcove-${name}.result`;
    const source = `${directory}/.alcove-${name}.snippet`;
    const outputs = Promise.all([
      this.#stdout.capture({ limitBytes, mark, onText: snippet.onStdout }),
      this.#stderr.capture({ limitBytes, mark, onText: snippet.onStderr }),
    ]);
    try {
      await this.#send(await this.#commandLine(snippet, { result, source, mark }), signal);
      const [stdout, stderr] = await outputs;
      const found = await takeResult(this.#sandbox.files, result, { limit: snippet.valueLimit, signal });
      const goesOn = this.#options.isKept && stdout.isMarked && stderr.isMarked;
      const end = goesOn ? undefined : await this.ended;
      if (found === undefined) await this.#requireProgram(end, stderr);
      return { stdout, stderr, result: found, end };
    } finally {
      await this.#remove(this.#language === "shell" ? [result, source] : [result]);
    }
  }

  /** Ends it with all that it started. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    if (!this.isEnded) await this.#sandbox.execs.delete(this.#handle.id, { force: true });
    await this.ended.catch(() => undefined);
  }

  async #commandLine(
    { source: text, valueLimit: limit, signal }: Snippet,
    { result, source, mark }: { readonly result: string; readonly source: string; readonly mark: string | undefined },
  ): Promise<string> {
    if (this.#language !== "shell") {
      const quoted = mark === undefined ? null : `\0${mark}\0`;
      return `${JSON.stringify({ code: text, result, limit, mark: quoted })}\n`;
    }
    await this.#sandbox.files.write(source, text, { mode: 0o600, user: this.#options.user, signal });
    return `${source} ${result} ${mark}\n`;
  }

  async #send(line: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      if (this.#options.isKept) await this.#handle.stdin.write(line, { signal });
      else await this.#handle.stdin.end(line, { signal });
    } catch (error) {
      // An interpreter that is not there, or has just ended, takes no input: its end says why.
      if (!(error instanceof AlcoveError && ["ExecEnded", "StdinClosed", "ExecNotFound"].includes(error.code)))
        throw error;
    }
  }

  async #end(): Promise<ExecEnd> {
    try {
      const end = await this.#handle.wait();
      await Promise.all([this.#stdout.ended, this.#stderr.ended]);
      return end;
    } catch (error) {
      // What was killed may be forgotten before its end is told.
      if (this.#isKilled && error instanceof AlcoveError && error.code === "ExecNotFound") return killed;
      throw error;
    } finally {
      this.isEnded = true;
    }
  }

  async #requireProgram(end: ExecEnd | undefined, stderr: Captured): Promise<void> {
    const { program } = this.#options;
    if (end?.exitCode !== exitNotFound || !stderr.text.trimEnd().endsWith(`${program}: not found`)) return;
    const { sourcesRef } = await this.#sandbox.info();
    const image = sourcesRef.diskImage.name;
    throw new CodeUnavailableError(
      `Sandbox ${this.#sandbox.id} has no ${program} to run ${this.#language}: its image is ${image}.`,
    );
  }

  async #remove(paths: readonly string[]): Promise<void> {
    const ignore = (error: unknown) => {
      // Not there, or the sandbox is not: what counts is told by the run.
      if (!(error instanceof Error)) throw error;
    };
    await Promise.all(paths.map((path) => this.#sandbox.files.delete(path).catch(ignore)));
  }
}

interface Parts {
  readonly sandbox: CodeSandbox;
  readonly language: Language;
  readonly options: InterpreterOptions;
  readonly handle: ExecHandle;
}

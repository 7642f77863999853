/** What can go wrong beyond the API's own errors, which are AlcoveErrors. */
import type { Sandbox as SandboxRecord } from "@alcove/contract";
import type { ExecOutcome } from "./exec.js";

interface ConnectionErrorOptions {
  readonly isUnsent: boolean;
  readonly cause?: unknown;
  readonly hint?: string;
}

/** No daemon answered, or the connection broke before the answer. A sandbox that is gone is told by an AlcoveError instead. */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError";
  /** The connection was refused before anything was sent: every call can be repeated safely. */
  readonly isUnsent: boolean;
  /** Another attempt may do better. */
  readonly isPassing: boolean = true;
  readonly hint: string;

  constructor(message: string, { isUnsent, cause, hint }: ConnectionErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.isUnsent = isUnsent;
    this.hint = hint ?? "See that the daemon runs: `alcove status`; start it with `alcove up`.";
  }
}

/** The daemon of this machine could not be started. Told with the last lines of its log. */
export class StartError extends ConnectionError {
  override readonly name: string = "StartError";
  override readonly isPassing = false;

  constructor(message: string, cause?: unknown) {
    super(message, { isUnsent: true, cause });
  }
}

/** The daemon of this machine was asked to end and has not. */
export class StopError extends Error {
  override readonly name = "StopError";
  readonly hint: string;

  constructor(pid: number, waitedMs: number) {
    super(`The daemon, process ${pid}, has not ended within ${waitedMs / 1_000} s.`);
    this.hint = `Its log says why; \`kill -9 ${pid}\` loses nothing.`;
  }
}

/** The server showed a certificate that is not trusted: nothing was sent to it. */
export class CertificateError extends ConnectionError {
  override readonly name: string = "CertificateError";
  override readonly isPassing = false;

  constructor(message: string, cause?: unknown) {
    const hint =
      "Give the authority's certificate as `ca`, or the server's SHA-256, told by who runs it, as `fingerprint`.";
    super(message, { isUnsent: true, cause, hint });
  }
}

/** The connection is there, and no answer came within `answerTimeoutMs`. What was asked for may be done all the same. */
export class NoAnswerError extends ConnectionError {
  override readonly name: string = "NoAnswerError";
  override readonly isPassing = false;

  constructor(message: string) {
    super(message, { isUnsent: false, hint: "Give it more time, or look at the server's log." });
  }
}

/** What was waited for did not come in time, or cannot come any more. */
export class WaitError extends Error {
  override readonly name = "WaitError";
  /** The sandbox as it was seen last; undefined where it is gone, or was never seen. */
  readonly sandbox: SandboxRecord | undefined;

  constructor(message: string, sandbox: SandboxRecord | undefined, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.sandbox = sandbox;
  }
}

/** The sandbox has no interpreter of the language that was asked for. */
export class CodeUnavailableError extends Error {
  override readonly name = "CodeUnavailableError";
  readonly hint = "Use an image that has it, or name another program with `programs`.";
}

/** A command that was run with `check` and did not exit with 0. */
export class ExecError extends Error {
  override readonly name = "ExecError";
  readonly result: ExecOutcome;

  constructor(command: string, result: ExecOutcome) {
    super(`${shortened(command)} ${ending(result)}${lastLines(result.stderr)}`);
    this.result = result;
  }
}

function ending(result: ExecOutcome): string {
  if (result.timedOut) return `did not end in time (after ${Math.round(result.durationMs)} ms)`;
  return result.signal === undefined ? `exited with ${result.exitCode}` : `was ended by ${result.signal}`;
}

function lastLines(text: string): string {
  const lines = text.trimEnd().split("\n").slice(-3).join("\n").slice(-500);
  return lines === "" ? "" : `:\n${lines}`;
}

function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/** What can go wrong beyond the API's own errors, which are AlcoveErrors. */
import type { ExecOutcome } from "./exec.js";

/** No daemon answered, or the connection broke before the answer. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** The connection was refused before anything was sent: every call can be repeated safely. */
  readonly isUnsent: boolean;
  readonly hint = "See that the daemon runs: `alcove status`; start it with `alcove up`.";

  constructor(message: string, options: { readonly isUnsent: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.isUnsent = options.isUnsent;
  }
}

/** The daemon of this machine could not be started. Told with the last lines of its log. */
export class StartError extends ConnectionError {
  constructor(message: string, cause?: unknown) {
    super(message, { isUnsent: true, cause });
  }
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

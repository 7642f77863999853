/** How the CLI ends. `exec` and `run` pass the program's own code through; what is theirs alone is 124, 125 and 130. */
export const exitCodes = {
  ok: 0,
  /** A command failed. */
  error: 1,
  /** The command line was not understood. */
  usage: 2,
  /** The program in the sandbox was ended by --timeout. */
  timedOut: 124,
  /** Alcove failed before or while the program ran, so that there is no code of its own. */
  execFailed: 125,
  /** Ctrl-C. */
  interrupted: 130,
  /** Whoever read our output is gone. */
  brokenPipe: 141,
} as const;

/** Ends the command with this code, after what was to be said has been said. */
export class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** The command line was not understood: a sentence, a hint, exit code 2. */
export class UsageError extends Error {
  readonly hint: string;
  constructor(sentence: string, hint: string) {
    super(sentence);
    this.hint = hint;
  }
}

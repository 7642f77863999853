/** How the CLI ends. `exec`, `run` and `attach` pass the program's own code through. The launcher knows these codes too: agent/launcher/launcher.go. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  timedOut: 124,
  execFailed: 125,
  notExecutable: 126,
  notFound: 127,
  interrupted: 130,
  brokenPipe: 141,
} as const;

/** For `alcove help exit-codes` and docs/cli.md, which a test holds equal. */
export const exitCodeMeanings: readonly (readonly [code: string, meaning: string])[] = [
  [`${exitCodes.ok}`, "It worked"],
  [
    `${exitCodes.error}`,
    "It failed; `status`: no daemon runs; `doctor`: something is wrong; `api`: the answer is an error",
  ],
  [`${exitCodes.usage}`, "The command line, the environment or the configuration was not understood"],
  ["any", "`exec`, `run`, `attach`, `shell`: the program's own code; 128 + n when signal n ended it"],
  [`${exitCodes.timedOut}`, "`exec`, `run`: the program was ended by `--timeout`"],
  [
    `${exitCodes.execFailed}`,
    "`exec`, `run`, `attach`, `shell`: Alcove failed, so that there is no code of the program's",
  ],
  [`${exitCodes.notExecutable}`, "`exec`, `run`: the program cannot be executed, as in a shell"],
  [`${exitCodes.notFound}`, "`exec`, `run`: the program was not found, as in a shell"],
  [`${exitCodes.interrupted}`, "Ctrl-C"],
  [`${exitCodes.brokenPipe}`, "Whoever read the output is gone"],
];

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

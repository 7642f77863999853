/**
 * A verb of `./dev`.
 *
 * To add one: 1. a file in `verbs/` that exports a Verb  2. a line in main.ts, in the order of the help.
 */
export interface Verb {
  /** One line of `./dev help`. */
  readonly summary: string;
  /** Throws when it fails. A number is the exit code of a program that spoke for itself. */
  run(args: readonly string[], signal: AbortSignal): Promise<number | undefined>;
}

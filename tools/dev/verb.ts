/**
 * A verb of `./dev`.
 *
 * To add one: 1. a file in `verbs/` that exports a Verb  2. a line in main.ts  3. a line in help.txt
 */

/** Answers with an exit code. Throws when it fails with something to say. */
export type Verb = (args: readonly string[], signal: AbortSignal) => Promise<number>;

/** Secrets for a new sandbox: never on the command line, which every user of the host can read. */
import { UsageError } from "./exit-codes.js";
import { lineOf } from "./file-content.js";

/** Gathers repeated `NAME` and `NAME=@FILE`: the value is in our own environment, or in the file without its last line's end. */
export function secretPairs(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, path] = /^([A-Za-z_][A-Za-z0-9_]*)(?:=@(.+))?$/s.exec(text) ?? [];
  // What was given instead may be the secret itself: it is not said again.
  if (name === undefined) throw new UsageError("--secret-env takes NAME or NAME=@FILE.", hint);
  const value = path === undefined ? process.env[name] : lineOf(path, hint);
  if (value === undefined) throw new UsageError(`There is no variable ${name} in the environment.`, hint);
  return { ...before, [name]: value };
}

const hint =
  "Set the variable NAME and say --secret-env NAME, or put the value in a file and say --secret-env NAME=@FILE.";

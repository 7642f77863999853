/** Values of a secret: of the command line where that is wanted, of files, of standard input, of our own environment. */
import { UsageError } from "../exit-codes.js";
import { lineOf, nameOf } from "../file-content.js";

const usage =
  "alcove secret set NAME KEY=VALUE, KEY=@FILE, KEY=@- for standard input, or KEY for the variable KEY of the environment";

export function secretValues(words: readonly string[]): Record<string, string> {
  if (words.filter((word) => word.endsWith("=@-")).length > 1)
    throw new UsageError("Standard input can be the value of one key.", usage);
  const entries = words.map(entryOf);
  const keys = entries.map(([key]) => key);
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) throw new UsageError(`The key ${twice} is given twice.`, "Give each key once.");
  return Object.fromEntries(entries);
}

function entryOf(word: string): [string, string] {
  const at = word.indexOf("=");
  const [key, value] = at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  // What was given in a wrong place may be the secret itself: it is not said again.
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(key))
    throw new UsageError("A value is given as KEY=VALUE or KEY=@FILE.", usage);
  if (value === undefined) return [key, filled(key, ofEnvironment(key), "the variable")];
  if (!value.startsWith("@")) return [key, filled(key, value)];
  const source = value === "@-" ? 0 : value.slice(1);
  return [key, filled(key, lineOf(source, usage), nameOf(source))];
}

function filled(key: string, value: string, source?: string): string {
  if (value !== "") return value;
  const where = source === undefined ? "" : `: ${source} has nothing in it`;
  throw new UsageError(`The value of ${key} is empty${where}.`, "Leave the key out where it has no value.");
}

function ofEnvironment(key: string): string {
  const value = process.env[key];
  if (value === undefined) throw new UsageError(`There is no variable ${key} in the environment.`, usage);
  return value;
}

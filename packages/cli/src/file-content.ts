import { readFileSync } from "node:fs";
import { UsageError } from "./exit-codes.js";

/** A path, or 0: standard input. */
export type Source = string | 0;

/** The text of a file that the command line names. Throws UsageError, with the hint, where it cannot be read. */
export function contentOf(source: Source, hint: string): string {
  try {
    return readFileSync(source, "utf8");
  } catch (failure) {
    const name = nameOf(source);
    const subject = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    const { code, message } = failure as NodeJS.ErrnoException;
    throw new UsageError(`${subject} cannot be read: ${code === "ENOENT" ? "it is not there" : message}.`, hint);
  }
}

/** What is one line, such as a secret: without the line's end. */
export function lineOf(source: Source, hint: string): string {
  return contentOf(source, hint).replace(/\r?\n$/, "");
}

export function nameOf(source: Source): string {
  return source === 0 ? "standard input" : `the file ${source}`;
}

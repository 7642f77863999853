/** Errors as people read them, `error: sentence` and `hint: what to do next`, or as one JSON object; on standard error. */
import { json, type OutputFormat } from "./output/format.js";
import { printableLines } from "./printable.js";
import type { Terminal } from "./terminal.js";

interface Explained {
  readonly message: string;
  readonly code?: unknown;
  readonly hint?: unknown;
  readonly field?: unknown;
  readonly value?: unknown;
  readonly incidentId?: unknown;
}

/** A failure of this side, with what to do next. */
export function explained(sentence: string, hint: string): Error {
  return Object.assign(new Error(sentence), { hint });
}

export function report(failure: unknown, terminal: Terminal, format: OutputFormat): void {
  const error: Explained = failure instanceof Error ? withSystemWords(failure) : { message: String(failure) };
  if (format !== "table") terminal.say(json({ error: asObject(error) }));
  else sayError(error, terminal);
}

function sayError(error: Explained, terminal: Terminal): void {
  const { paint } = terminal;
  const where = typeof error.field === "string" ? placeOf(error, error.field) : "";
  terminal.say(`${paint.red("error:")} ${printableLines(`${error.message}${where}`)}`);
  if (typeof error.hint === "string") terminal.say(`${paint.dim("hint:")} ${printableLines(error.hint)}`);
  if (typeof error.incidentId === "string") {
    terminal.say(`${paint.dim("incident:")} ${printableLines(error.incidentId)}`);
  }
}

/** The fields of the API's own problems, as far as they are known. */
function asObject({ message, code, hint, field, value, incidentId }: Explained) {
  const known = Object.entries({ code, hint, field, value, incidentId }).filter(([, text]) => typeof text === "string");
  return { message, ...Object.fromEntries(known) };
}

/** Field and value, as far as the sentence does not tell them itself. */
function placeOf({ message, value }: Explained, field: string): string {
  if (typeof value !== "string") return message.includes(field) ? "" : ` (${field})`;
  return message.includes(field) && message.includes(value) ? "" : ` (${field}: ${JSON.stringify(value)})`;
}

const systemSentences: Readonly<Record<string, readonly [sentence: string, hint: string]>> = {
  ENOENT: ["There is no such file or directory", "Look at the path; it counts from the directory that you are in."],
  EACCES: ["You may not read or write it", "Look at owner and mode of it and of the directories above: ls -ld."],
  EPERM: ["The system does not permit it", "Look at owner and mode of it and of the directories above: ls -ld."],
  EISDIR: ["A file is needed, and it is a directory", "Name a file in it."],
  ENOTDIR: ["A part of the path is a file", "Look at the path."],
  ENOSPC: ["The disk is full", "Free space, then try again."],
  EROFS: ["The file system is read-only", "Choose another place."],
};

/** What this machine's file system refused, in words: Node's own are `ENOENT: no such file or directory, stat 'x'`. */
function withSystemWords(error: Error & { readonly hint?: unknown; readonly code?: unknown; readonly path?: unknown }) {
  const [sentence, hint] = systemSentences[String(error.code)] ?? [];
  if (sentence === undefined || typeof error.path !== "string" || error.hint !== undefined) return error;
  return { message: `${sentence}: ${error.path}`, code: error.code, hint };
}

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
  const error: Explained = failure instanceof Error ? failure : { message: String(failure) };
  if (format !== "table") terminal.say(json({ error: asObject(error) }));
  else sayError(error, terminal);
}

function sayError(error: Explained, terminal: Terminal): void {
  const { paint } = terminal;
  const where = typeof error.field === "string" ? ` (${error.field}${seenValue(error)})` : "";
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

function seenValue(error: Explained): string {
  return typeof error.value === "string" ? `: ${JSON.stringify(error.value)}` : "";
}

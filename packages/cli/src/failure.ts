/** Errors as people read them: `error: sentence` and `hint: what to do next`, on standard error. */
import type { Terminal } from "./terminal.js";

interface Explained {
  readonly message: string;
  readonly hint?: unknown;
  readonly field?: unknown;
  readonly value?: unknown;
  readonly incidentId?: unknown;
}

export function report(failure: unknown, terminal: Terminal): void {
  const error: Explained = failure instanceof Error ? failure : { message: String(failure) };
  const where = typeof error.field === "string" ? ` (${error.field}${seenValue(error)})` : "";
  terminal.say(`${terminal.red("error:")} ${error.message}${where}`);
  if (typeof error.hint === "string") terminal.say(`${terminal.dim("hint:")} ${error.hint}`);
  if (typeof error.incidentId === "string") terminal.say(`${terminal.dim("incident:")} ${error.incidentId}`);
}

function seenValue(error: Explained): string {
  return typeof error.value === "string" ? `: ${JSON.stringify(error.value)}` : "";
}

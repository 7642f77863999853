/** `--verbose`: which server is asked as whom, and a line for each request; on standard error, without anything secret. */
import type { RequestSeen } from "alcove";
import type { Settings } from "./config/settings.js";
import { printable } from "./printable.js";
import type { Terminal } from "./terminal.js";

const secretNames = /key|token|secret|password|credential|signature|authorization|env/i;

export function tellRequests(terminal: Terminal, settings: Settings): (seen: RequestSeen) => void {
  const say = (line: string) => terminal.say(terminal.paint.dim(printable(line)));
  const { url, apiKey, group, context } = settings;
  const key = apiKey.value === undefined ? "no key" : `a key (${apiKey.source})`;
  const server = `${url.value ?? "this machine"} (${url.source})`;
  say(`context ${context.value} (${context.source}), server ${server}, group ${group.value} (${group.source}), ${key}`);
  return (seen) => say(requestLine(seen));
}

export function requestLine({ method, path, attempt, durationMs, status, requestId, failure }: RequestSeen): string {
  const answer = status ?? (failure instanceof Error ? failure.message : "no answer");
  const repeated = attempt > 1 ? `, attempt ${attempt}` : "";
  const known = requestId === undefined ? "" : `, request ${requestId}`;
  return `${method} ${redacted(path)}: ${answer}, ${Math.round(durationMs)} ms${repeated}${known}`;
}

/** Values of query parameters whose names say that they are nobody's business. */
function redacted(path: string): string {
  return path.replace(/([?&])([^=&]*)=([^&]*)/g, (whole, before: string, name: string) =>
    secretNames.test(name) ? `${before}${name}=********` : whole,
  );
}

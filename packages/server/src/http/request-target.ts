/** Where a request goes, and whether it may come from where it comes. */
import type { IncomingMessage } from "node:http";
import { AlcoveError } from "@alcove/contract";

/** A page in a browser must not reach the daemon, whatever made its request arrive here. */
export function refuseBrowsers(request: IncomingMessage): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  throw new AlcoveError("Forbidden", "Requests from web pages are refused.", {
    field: "origin",
    value: origin.slice(0, 80),
    hint: "Send no Origin header.",
  });
}

export function target(request: IncomingMessage): [path: string, query: URLSearchParams] {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  return mark === -1 ? [url, new URLSearchParams()] : [url.slice(0, mark), new URLSearchParams(url.slice(mark + 1))];
}

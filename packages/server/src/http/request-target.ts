/** Where a request goes. */
import type { IncomingMessage } from "node:http";

export function target(request: IncomingMessage): [path: string, query: URLSearchParams] {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  return mark === -1 ? [url, new URLSearchParams()] : [url.slice(0, mark), new URLSearchParams(url.slice(mark + 1))];
}

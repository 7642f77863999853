/** Requests that would like to go on in another protocol. */
import type { IncomingMessage } from "node:http";
import { headerListOf } from "../message/header-list.js";

export function wantsWebSocket({ method, headers, httpVersion }: IncomingMessage): boolean {
  return (
    method === "GET" && httpVersion === "1.1" && isUpgrade(headers) && headers.upgrade?.toLowerCase() === "websocket"
  );
}

/** The head again, without the wish for another protocol, which a server is free not to grant (RFC 9110, 7.8). */
export function headWithoutUpgrade(request: IncomingMessage): Buffer {
  const headers = headerListOf(request.rawHeaders).flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === "upgrade" || lower === "http2-settings") return [];
    return [`${name}: ${lower === "connection" ? withoutUpgrade(value) : value}\r\n`];
  });
  const first = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`;
  return Buffer.from(`${first}${headers.join("")}\r\n`, "latin1");
}

function isUpgrade({ connection = "" }: IncomingMessage["headers"]): boolean {
  return connection.split(",").some((option) => option.trim().toLowerCase() === "upgrade");
}

function withoutUpgrade(connection: string): string {
  const options = connection.split(",").map((option) => option.trim());
  const kept = options.filter((option) => !["upgrade", "http2-settings"].includes(option.toLowerCase()));
  return kept.length === 0 ? "keep-alive" : kept.join(", ");
}

/** CONNECT of HTTP/1.1 (RFC 9110, 9.3.6): asks an HTTP proxy for a connection. */
import type { Socket } from "node:net";
import { type ProxyCredentials, ProxyRefusal, type ProxyTarget } from "./proxy-refusal.js";
import { takeBytes } from "./taken-bytes.js";

const maximumHeadBytes = 16_384;
const headEnd = "\r\n\r\n";

/** @throws ProxyRefusal */
export async function askByConnect(
  socket: Socket,
  { host, port }: ProxyTarget,
  credentials: ProxyCredentials | undefined,
): Promise<void> {
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, ...authorization(credentials), "", ""];
  socket.write(lines.join("\r\n"));
  const head = await takeBytes(socket, lengthOfHead, maximumHeadBytes);
  const [, status] = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head.toString("latin1")) ?? [];
  if (status === undefined) throw new ProxyRefusal("it answered something that is no HTTP");
  if (status === "407") throw new ProxyRefusal("it wants other credentials (407)");
  if (!status.startsWith("2")) throw new ProxyRefusal(`it refused (${status})`);
}

function lengthOfHead(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(headEnd);
  return at < 0 ? undefined : at + headEnd.length;
}

function authorization(credentials: ProxyCredentials | undefined): readonly string[] {
  if (credentials === undefined) return [];
  const text = `${credentials.username}:${credentials.password}`;
  return [`Proxy-Authorization: Basic ${Buffer.from(text).toString("base64")}`];
}

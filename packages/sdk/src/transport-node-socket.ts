/** WebSockets of Node's transport; the library is loaded with the first of them. */
import type { IncomingMessage } from "node:http";
import type { RawData, WebSocket } from "ws";
import { problemOf } from "./call.js";
import { connectionError } from "./daemon-address.js";
import { headersOf, type NodeRoute, routedPath } from "./route-node.js";
import { SocketInbox } from "./socket-inbox.js";
import type { TransportSocket } from "./transport.js";

/** Messages that may wait to be read before the other side is held back. */
const maximumWaiting = 8;
const maximumMessageBytes = 1_048_576;

export async function openNodeSocket(
  route: NodeRoute,
  path: string,
  signal: AbortSignal | undefined,
): Promise<TransportSocket> {
  const { address, agent, headers } = route;
  signal?.throwIfAborted();
  const { WebSocket } = await import("ws");
  // The agent makes the connection, over TLS too; the host that is told is in the headers.
  const url = `ws://localhost${routedPath(route, path)}`;
  const socket = new WebSocket(url, { agent, headers, perMessageDeflate: false, maxPayload: maximumMessageBytes });
  const messages = messagesOf(socket, signal);
  await opened(socket, route, signal);
  return {
    messages,
    send: (message) =>
      new Promise((resolve, reject) =>
        socket.send(message, (error) => (error ? reject(connectionError(address, error)) : resolve())),
      ),
    close: () => socket.terminate(),
  };
}

function opened(socket: WebSocket, { address }: NodeRoute, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      socket.terminate();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.once("close", () => signal?.removeEventListener("abort", abort));
    socket.once("open", () => resolve());
    socket.on("error", (error) => reject(signal?.aborted ? signal.reason : connectionError(address, error)));
    socket.once("unexpected-response", (_request, incoming: IncomingMessage) => {
      const response = { status: incoming.statusCode ?? 0, headers: headersOf(incoming), body: incoming };
      problemOf(response).then(reject, reject);
    });
  });
}

function messagesOf(socket: WebSocket, signal: AbortSignal | undefined): SocketInbox {
  const inbox = new SocketInbox({
    signal,
    onTaken: () => {
      if (socket.isPaused && inbox.length === 0) socket.resume();
    },
  });
  socket.on("message", (data: RawData, isBinary: boolean) => {
    inbox.put(isBinary ? (data as Buffer) : data.toString());
    if (inbox.length >= maximumWaiting) socket.pause();
  });
  socket.on("close", (code, reason) => inbox.close(code, reason.toString()));
  return inbox;
}

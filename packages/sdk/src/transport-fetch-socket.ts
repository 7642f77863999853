/** WebSockets of browsers. They cannot be held back: one that is not read is given up before it takes the page's memory. */
import { ConnectionError } from "./errors.js";
import type { ServerSettings } from "./options.js";
import { SocketInbox } from "./socket-inbox.js";
import type { TransportSocket } from "./transport.js";

const protocol = "alcove.v1";
const tokenProtocol = "alcove.bearer.";
const maximumWaitingBytes = 67_108_864;

export async function openFetchSocket(
  { origin, basePath, apiKey }: ServerSettings,
  path: string,
  signal: AbortSignal | undefined,
): Promise<TransportSocket> {
  signal?.throwIfAborted();
  // The browser's own refusal would show it.
  if (apiKey !== undefined && !/^[\w.~+-]+$/.test(apiKey)) {
    throw new TypeError("A key for streams in browsers must have letters, digits and . _ ~ + - alone.");
  }
  const protocols = apiKey === undefined ? [protocol] : [protocol, tokenProtocol + apiKey];
  const socket = new WebSocket(origin.replace(/^http/, "ws") + basePath + path, protocols);
  socket.binaryType = "arraybuffer";
  const messages = messagesOf(socket, signal);
  await opened(socket, origin, signal);
  return {
    messages,
    send: async (message) => socket.send(typeof message === "string" ? message : Uint8Array.from(message)),
    close: () => socket.close(),
  };
}

function opened(socket: WebSocket, origin: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      socket.close();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", () => {
      signal?.removeEventListener("abort", abort);
      const message = `${origin} did not take the stream: a page is not told why.`;
      reject(new ConnectionError(message, { isUnsent: false }));
    });
  });
}

function messagesOf(socket: WebSocket, signal: AbortSignal | undefined): SocketInbox {
  let waitingBytes = 0;
  const inbox = new SocketInbox({ signal, onTaken: ({ length }) => (waitingBytes -= length) });
  socket.addEventListener("message", (event) => {
    const data = event.data as string | ArrayBuffer;
    const message = typeof data === "string" ? data : new Uint8Array(data);
    waitingBytes += message.length;
    if (waitingBytes > maximumWaitingBytes) socket.close(4_000, "not read");
    inbox.put(message);
  });
  socket.addEventListener("close", ({ code, reason }) => inbox.close(code, reason));
  return inbox;
}

/** A WebSocket as an iterable of messages and a `send` that waits: neither direction keeps more than a little in memory. */
import type { RawData, WebSocket } from "ws";

/** Messages that may wait to be read, and bytes that may wait to be sent, before the other side is held back. */
const maximumWaitingMessages = 8;
const maximumUnsentBytes = 262_144;

export type SocketMessage =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Buffer };

export interface SocketMessages extends AsyncIterable<SocketMessage> {
  /** Fulfils when there is room for more; rejects when the socket is gone. */
  send(data: string | Uint8Array): Promise<void>;
}

export function socketMessages(socket: WebSocket): SocketMessages {
  const waiting: SocketMessage[] = [];
  let isClosed = false;
  let wake: (() => void) | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  socket.on("message", (data, isBinary) => {
    waiting.push(isBinary ? { kind: "bytes", bytes: joined(data) } : { kind: "text", text: joined(data).toString() });
    if (waiting.length >= maximumWaitingMessages) socket.pause();
    notify();
  });
  socket.on("close", () => {
    isClosed = true;
    notify();
  });
  return {
    send: (data) => send(socket, data),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const message = waiting.shift();
        if (message !== undefined) {
          if (socket.isPaused && waiting.length < maximumWaitingMessages / 2) socket.resume();
          yield message;
        } else if (isClosed) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

function send(socket: WebSocket, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const mayReturn = socket.bufferedAmount < maximumUnsentBytes;
    socket.send(data, (error) => (error ? reject(error) : resolve()));
    if (mayReturn) resolve();
  });
}

function joined(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

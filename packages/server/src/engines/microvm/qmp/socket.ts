/** Sockets that QEMU makes in a machine's runtime directory. */
import { connect, type Socket } from "node:net";
import { waitFor } from "../../../lib/backoff.js";

const notYet = new Set(["ENOENT", "ECONNREFUSED"]);

/** Connects as soon as somebody listens. Looks every millisecond or two at first: this is on the way of every creation. */
export function connectSocket(path: string, signal: AbortSignal): Promise<Socket> {
  return waitFor(() => tryConnect(path), signal, { firstMs: 1, lastMs: 20 });
}

/**
 * As `connectSocket`, and nothing is read before somebody listens for `readable`: so it can be handed to another process. Node
 * begins to read a socket when it is connected, unless it is paused by then, and reads on, into nowhere, while it is handed over.
 */
export function connectUnread(path: string, signal: AbortSignal): Promise<Socket> {
  return waitFor(() => tryConnect(path, { isPaused: true }), signal, { firstMs: 1, lastMs: 20 });
}

/** Undefined where nobody listens. */
export function tryConnect(path: string, { isPaused } = { isPaused: false }): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    if (isPaused) socket.pause();
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.destroy();
      if (notYet.has(error.code ?? "")) resolve(undefined);
      else reject(error);
    });
  });
}

/** Sockets that QEMU makes in a machine's runtime directory. */
import { connect, type Socket } from "node:net";
import { waitFor } from "../../../lib/backoff.js";

const notYet = new Set(["ENOENT", "ECONNREFUSED"]);

/** Connects as soon as somebody listens. Looks every millisecond or two at first: this is on the way of every creation. */
export function connectSocket(path: string, signal: AbortSignal): Promise<Socket> {
  return waitFor(() => tryConnect(path), signal, { firstMs: 1, lastMs: 20 });
}

/** Undefined where nobody listens. */
export function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
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

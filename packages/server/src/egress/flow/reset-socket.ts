/** Resets a connection to a server; TLS, as to a proxy, knows no reset and is cut off. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

export function resetSocket(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Whether somebody is still behind a WebSocket. A peer whose machine lost its network or its power says no goodbye: it is
 * asked every so often, and one that has said nothing since the last time is cut off.
 */
import type { WebSocket } from "ws";

export const pingEveryMs = 20_000;

/** Until the socket is closed. One that is not read at the moment cannot be heard, and is left alone. */
export function watchLiveness(socket: WebSocket, everyMs = pingEveryMs): void {
  let wasHeard = true;
  const hear = () => {
    wasHeard = true;
  };
  const ask = () => {
    if (!wasHeard && !socket.isPaused) return socket.terminate();
    wasHeard = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  };
  const timer = setInterval(ask, everyMs).unref();
  socket.on("pong", hear);
  socket.on("ping", hear);
  socket.on("message", hear);
  socket.once("close", () => clearInterval(timer));
}

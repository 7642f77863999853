/**
 * Node's HTTP/2 takes bytes that a socket had already buffered in the tick after a session is made, and throws, where nobody can
 * catch it, when the session is destroyed by then. So a session is made of living sockets only, and destroyed a tick later.
 */
import type { Http2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { ChannelLost } from "./fault.js";

export function checkLiving(socket: Duplex): Duplex {
  if (socket.destroyed || socket.readableEnded) throw new ChannelLost("the stream ended right after the hello");
  return socket;
}

export function destroyNextTick(session: Http2Session): void {
  process.nextTick(() => {
    if (!session.destroyed) session.destroy();
  });
}

/**
 * The beginning and the end of Node's HTTP/2 on a socket, both with a trap. Bytes that the socket had already buffered are taken in
 * the tick after the session is made, and that throws, where nobody can catch it, when the session is destroyed by then. And a
 * session that is destroyed waits for what it still has to write, for ever when the peer does not read.
 */
import type { Http2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { ChannelLost } from "./fault.js";

/** The socket, if a session can be made of it. */
export function checkLiving(socket: Duplex): Duplex {
  if (socket.destroyed || socket.readableEnded) throw new ChannelLost("the stream ended right after the hello");
  return socket;
}

/** Ends both at once, whatever the peer does. */
export function endSession(session: Http2Session, socket: Duplex): void {
  process.nextTick(() => {
    if (!session.destroyed) session.destroy();
    socket.destroy();
  });
}

/** Calls back once, when the session or its socket is gone. */
export function onceOver(session: Http2Session, socket: Duplex, callback: () => void): void {
  let isOver = false;
  const over = () => {
    if (isOver) return;
    isOver = true;
    endSession(session, socket);
    callback();
  };
  session.once("close", over);
  socket.once("close", over);
}

/**
 * The beginning and the end of Node's HTTP/2 on a socket, both with a trap. Bytes that the socket had already buffered are taken in
 * the tick after the session is made, and that throws, where nobody can catch it, when the session is destroyed by then. And a
 * session that is destroyed waits for what it still has to write, for ever when the peer does not read.
 */
import type { Http2Session } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { betweenReads } from "../lib/http2-sessions.js";
import { ChannelLost } from "./fault.js";

/**
 * In megabytes, and in effect no limit. What a stream that broke off had still to send counts as memory of its session for ever (seen with
 * Node 20.20), so that any limit would end a session that lives long enough. What bounds its memory is how many streams there are, their
 * windows, and the sizes of heads.
 */
export const maxSessionMemory = 1024 * 1024;

/** The socket, if a session can be made of it. */
export function checkLiving(socket: Duplex): Duplex {
  if (socket.destroyed || socket.readableEnded) throw new ChannelLost("the stream ended right after the hello");
  return socket;
}

/** Ends both at once, whatever the peer does. */
export function endSession(session: Http2Session, socket: Duplex): void {
  if (!session.destroyed) session.destroy();
  // A real one at once, so that no more comes of a flood; a stream in memory bears no session that still writes.
  if (socket instanceof Socket) process.nextTick(() => socket.destroy());
  else betweenReads(session, () => socket.destroy());
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

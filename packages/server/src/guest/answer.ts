/** Reading the answer to one request: its head, and its body within bounds. */
import http2, { type ClientHttp2Stream, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from "node:http2";
import { CallDropped, ProtocolBreak } from "./fault.js";
import type { AgentSession } from "./session.js";

export type Head = IncomingHttpHeaders & IncomingHttpStatusHeader;

const patienceMs = 3_000;
const aliveWithinMs = 2_000;

/** Waits for the answer's head. An abort gives the request up; when it takes long, the session has to show that it is alive. */
export async function headOf(session: AgentSession, stream: ClientHttp2Stream, signal: AbortSignal): Promise<Head> {
  const timer = setTimeout(() => void session.checkAlive(aliveWithinMs), patienceMs);
  try {
    return await untilClosed(session, stream, signal, (resolve) => stream.once("response", resolve));
  } finally {
    clearTimeout(timer);
  }
}

/** Reads the whole body, at most so many bytes. */
export function bodyOf(
  session: AgentSession,
  stream: ClientHttp2Stream,
  maximumBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  return untilClosed(session, stream, signal, (resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
      session.taken(chunk.length);
      size += chunk.length;
      if (size > maximumBytes) return reject(new ProtocolBreak(`it sent an answer of more than ${maximumBytes} bytes`));
      chunks.push(chunk);
    });
    whenEnded(stream, () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
  });
}

/**
 * Calls back at the end of a body; an empty one may have ended before its head was told. A body that was cut off has no end:
 * its stream is closed, and that is all that comes.
 */
export function whenEnded(stream: ClientHttp2Stream, callback: () => void): void {
  const unlessCutOff = () => {
    if (hasEnded(stream)) callback();
  };
  if (stream.readableEnded) unlessCutOff();
  else stream.once("end", unlessCutOff);
}

/** Node lets the readable side end when a stream is reset, or its session is lost, as if the body were whole. */
export function hasEnded(stream: ClientHttp2Stream): boolean {
  return stream.readableEnded && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR;
}

/** Lets go of a request: the agent is told that nobody reads its answer. */
export function giveUp(stream: ClientHttp2Stream): void {
  if (!stream.writableEnded && !stream.closed) {
    // `close` would end the body before it resets the stream: half an upload would look whole.
    stream.on("error", () => {});
    stream.destroy(new Error("given up"));
    return;
  }
  if (!stream.closed) stream.close(http2.constants.NGHTTP2_CANCEL);
  stream.resume();
}

/** Runs `listen` until it settles, the stream closes or fails, or the signal aborts. */
export function untilClosed<T>(
  session: AgentSession,
  stream: ClientHttp2Stream,
  signal: AbortSignal,
  listen: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = () => {
      signal.removeEventListener("abort", onAbort);
      stream.off("error", onError).off("close", onClose);
    };
    const fail = (error: unknown) => {
      done();
      giveUp(stream);
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onError = (error: Error) => fail(session.faultOf(error));
    const onClose = () => fail(session.faultOf(new CallDropped("the agent gave the call up")));
    signal.addEventListener("abort", onAbort, { once: true });
    stream.once("error", onError).once("close", onClose);
    listen((value) => {
      done();
      resolve(value);
    }, fail);
    if (signal.aborted) onAbort();
    else if (stream.destroyed && !hasEnded(stream)) onClose();
  });
}

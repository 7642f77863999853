/** Receiving a body of any size, no faster than it is read. */

import type { ClientHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { ErrorCode } from "@alcove/contract";
import { withDeadline } from "../lib/deadline.js";
import { type Head, hasEnded, headOf, whenEnded } from "./answer.js";
import { type AgentLink, refuse } from "./call.js";
import { openContent } from "./content.js";
import { exchangedContent } from "./exchange/download.js";
import type { Exchange, Slot } from "./exchange/exchange.js";
import { CallDropped, callerError, ProtocolBreak } from "./fault.js";
import type { AgentSession } from "./session.js";

const headDeadlineMs = 15_000;
const bufferBytes = 256 * 1024;

export interface Download {
  readonly path: string;
  readonly errors: readonly ErrorCode[];
  /** Throws ProtocolBreak where the answer's head is not what the call is owed. */
  readonly checkHead?: (head: Head) => void;
  /** With it, large contents go past the channel. */
  readonly exchange?: Exchange | undefined;
  /** No more than so many bytes may come; without it the end tells, as a file may grow while it is read. */
  readonly maximumBytes?: number | undefined;
}

export async function download(
  link: AgentLink,
  call: Download,
  signal: AbortSignal,
): Promise<{ readonly head: Head; readonly content: Readable; readonly session: AgentSession }> {
  using deadline = withDeadline(signal, headDeadlineMs);
  let session: AgentSession | undefined;
  let slot: Slot | undefined;
  try {
    session = await link.session(deadline.signal);
    slot = await call.exchange?.claim();
    const path = slot === undefined ? call.path : `${call.path}&exchange=${slot.number}`;
    const stream = session.request({ ":method": "GET", ":path": path }, slot !== undefined);
    const head = await headOf(session, stream, deadline.signal);
    await refuse(session, stream, head, call.errors, deadline.signal);
    call.checkHead?.(head);
    if (slot !== undefined) {
      if (head["x-alcove-exchange"] === "true")
        return {
          head,
          session,
          content: exchangedContent(session, { stream, slot, maximumBytes: call.maximumBytes }, signal),
        };
      stream.end();
      slot.leave();
      slot = undefined;
    }
    return { head, session, content: contentOf(session, stream, call.maximumBytes, signal) };
  } catch (error) {
    slot?.release();
    if (error instanceof ProtocolBreak) session?.end(error);
    if (!deadline.expired) throw callerError(error, signal);
    throw callerError(new Error(`no answer to a read within ${headDeadlineMs} ms`), signal);
  }
}

function contentOf(
  session: AgentSession,
  stream: ClientHttp2Stream,
  maximumBytes: number | undefined,
  signal: AbortSignal,
): Readable {
  let received = 0;
  const read = () => void stream.resume();
  const { content, fail } = openContent({ session, stream, highWaterMark: bufferBytes, read }, signal);
  stream.on("data", (chunk: Buffer) => {
    session.taken(chunk.length);
    received += chunk.length;
    if (received > (maximumBytes ?? received))
      fail(new ProtocolBreak(`it sent more than ${maximumBytes} bytes of a file`));
    else if (!content.push(chunk)) stream.pause();
  });
  whenEnded(stream, () => content.push(null));
  stream.once("error", (error) => fail(session.faultOf(error)));
  const onClose = () => {
    if (!hasEnded(stream)) fail(session.faultOf(new CallDropped(`a file broke off after ${received} bytes`)));
  };
  if (stream.destroyed) onClose();
  else stream.once("close", onClose);
  if (!content.destroyed) stream.pause();
  return content;
}

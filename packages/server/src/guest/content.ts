/** What a caller reads of a download, however it comes: closed with the caller's signal, and the request is given up with it. */
import type { ClientHttp2Stream } from "node:http2";
import { Readable } from "node:stream";
import { giveUp } from "./answer.js";
import { callerError, ProtocolBreak } from "./fault.js";
import type { AgentSession } from "./session.js";

export interface ContentSource {
  readonly session: AgentSession;
  readonly stream: ClientHttp2Stream;
  readonly highWaterMark: number;
  /** More is wanted. */
  read(): void;
  /** Nobody reads any more; `isWhole` where all was read. */
  onClose?(isWhole: boolean): void;
}

export interface Content {
  readonly content: Readable;
  /** It ends with this, as the caller sees it. */
  fail(error: unknown): void;
}

export function openContent({ session, stream, ...source }: ContentSource, signal: AbortSignal): Content {
  const onAbort = () => content.destroy(signal.reason as Error);
  const content = new Readable({
    highWaterMark: source.highWaterMark,
    read: () => source.read(),
    destroy(error, done) {
      signal.removeEventListener("abort", onAbort);
      giveUp(stream);
      source.onClose?.(content.readableEnded);
      done(error);
    },
  });
  const fail = (error: unknown) => {
    // Whoever gave the content up has reset the stream: that is no fault of the agent's.
    if (content.destroyed) return;
    if (error instanceof ProtocolBreak) session.end(error);
    content.destroy(callerError(error, signal) as Error);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return { content, fail };
}

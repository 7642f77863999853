/** Following an exec's output over as many sessions of the channel as it takes. */

import type { ClientHttp2Stream } from "node:http2";
import type { ErrorCode } from "@alcove/contract";
import { AlcoveError } from "@alcove/contract";
import { withDeadline } from "../lib/deadline.js";
import { giveUp, headOf } from "./answer.js";
import { type AgentLink, headersOf, refuse } from "./call.js";
import { CallDropped, ChannelLost, callerError, ProtocolBreak } from "./fault.js";
import { FrameParser } from "./frames.js";
import type { ExecSpec, OutputFrame } from "./guest.js";
import type { AgentSession } from "./session.js";

export const startErrors: readonly ErrorCode[] = ["InvalidRequest", "ExecExists", "UserNotFound", "TooManyRequests"];

/** How long the agent may take until its first word; after it, an exec may be silent for ever. */
const headDeadlineMs = 15_000;
/** Sessions lost without a byte in between before following gives up. */
const maxIdleLosses = 5;

export interface Following {
  readonly id: string;
  readonly offset: number;
  /** Set to start the exec first. */
  readonly spec?: ExecSpec;
}

/** Yields the frames; when the channel is lost it goes on from where it was on the next session. */
export async function* follow(link: AgentLink, following: Following, signal: AbortSignal): AsyncGenerator<OutputFrame> {
  let { offset, spec } = following;
  let hasBegun = false;
  let losses = 0;
  for (;;) {
    const parser = new FrameParser(offset);
    try {
      for await (const frame of followOnce(link, { id: following.id, offset, ...(spec && { spec }) }, parser, signal)) {
        losses = 0;
        if (frame.kind === "status" && hasBegun) continue;
        hasBegun = true;
        yield frame;
      }
      return;
    } catch (error) {
      if (isStartedAlready(error, spec, losses)) spec = undefined;
      else if (!(error instanceof ChannelLost) || signal.aborted || losses >= maxIdleLosses)
        throw callerError(error, signal);
      if (parser.begun) spec = undefined;
      offset = parser.offset;
      losses++;
    }
  }
}

/** A start that is made again finds the exec of the first time. */
function isStartedAlready(error: unknown, spec: ExecSpec | undefined, losses: number): boolean {
  return spec !== undefined && losses > 0 && error instanceof AlcoveError && error.code === "ExecExists";
}

async function* followOnce(
  link: AgentLink,
  following: Following,
  parser: FrameParser,
  signal: AbortSignal,
): AsyncGenerator<OutputFrame> {
  const { session, stream } = await begin(link, following, signal);
  const onAbort = () => stream.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      session.taken(chunk.length);
      yield* parser.push(chunk);
    }
    if (!parser.ended) throw session.faultOf(new CallDropped("an exec's output broke off"));
  } catch (error) {
    if (error instanceof ProtocolBreak) session.end(error);
    signal.throwIfAborted();
    throw session.faultOf(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    giveUp(stream);
  }
}

async function begin(
  link: AgentLink,
  { id, offset, spec }: Following,
  signal: AbortSignal,
): Promise<{ session: AgentSession; stream: ClientHttp2Stream }> {
  using deadline = withDeadline(signal, headDeadlineMs);
  const call =
    spec === undefined
      ? { method: "GET", path: `/execs/${encodeURIComponent(id)}/output?offset=${offset}` }
      : { method: "POST", path: "/execs", body: { ...spec, attach: true } };
  let session: AgentSession | undefined;
  try {
    session = await link.session(deadline.signal);
    const stream = session.request(headersOf(call), call.body !== undefined);
    if (call.body !== undefined) stream.end(JSON.stringify(call.body));
    const head = await headOf(session, stream, deadline.signal);
    await refuse(session, stream, head, spec === undefined ? ["ExecNotFound"] : startErrors, deadline.signal);
    return { session, stream };
  } catch (error) {
    if (error instanceof ProtocolBreak) session?.end(error);
    if (!deadline.expired) throw error;
    void session?.checkAlive(2_000);
    throw callerError(new Error(`no exec output began within ${headDeadlineMs} ms`), signal);
  }
}

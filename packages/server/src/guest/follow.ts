/** Following an exec's output over as many sessions of the channel as it takes. */

import type { ClientHttp2Stream } from "node:http2";
import type { ErrorCode } from "@alcove/contract";
import { AlcoveError } from "@alcove/contract";
import { withDeadline } from "../lib/deadline.js";
import { giveUp, headOf } from "./answer.js";
import { type AgentLink, headersOf, refuse } from "./call.js";
import { CallDropped, ChannelLost, callerError, ProtocolBreak } from "./fault.js";
import { FrameParser } from "./frames.js";
import type { ExecSpec, LogFrame, OutputFrame } from "./guest.js";
import { Interruptions } from "./interruptions.js";
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
  readonly spec?: ExecSpec | undefined;
  /** Look on, with times. */
  readonly isLog?: boolean;
}

/** One session's share of it. */
interface Stretch extends Following {
  /** It goes on from an earlier session. */
  readonly isResumed: boolean;
}

/** Yields the frames; when the channel is lost it goes on from where it was on the next session. */
export function follow(
  link: AgentLink,
  following: Following & { readonly isLog: true },
  signal: AbortSignal,
): AsyncGenerator<LogFrame>;
export function follow(link: AgentLink, following: Following, signal: AbortSignal): AsyncGenerator<OutputFrame>;
export async function* follow(link: AgentLink, following: Following, signal: AbortSignal): AsyncGenerator<LogFrame> {
  let stretch: Stretch = { ...following, isResumed: false };
  let losses = 0;
  const interruptions = new Interruptions();
  for (;;) {
    const parser = new FrameParser(stretch.offset, { hasTimes: stretch.isLog === true });
    try {
      for await (const frame of followOnce(link, stretch, parser, signal)) {
        losses = 0;
        const isKnown = frame.kind === "status" ? stretch.isResumed : interruptions.hasSeen(frame);
        if (!isKnown) yield frame;
      }
      return;
    } catch (error) {
      const isAgain = isStartedAlready(error, stretch, losses);
      if (!isAgain && (!(error instanceof ChannelLost) || signal.aborted || losses >= maxIdleLosses))
        throw callerError(error, signal);
      const isStarted = isAgain || parser.begun;
      stretch = {
        ...following,
        offset: parser.offset,
        spec: isStarted ? undefined : stretch.spec,
        isResumed: stretch.isResumed || parser.begun,
      };
      losses++;
    }
  }
}

/** A start that is made again, because the channel was lost under the first, finds the exec of the first. */
function isStartedAlready(error: unknown, { spec }: Stretch, losses: number): boolean {
  return spec !== undefined && losses > 0 && error instanceof AlcoveError && error.code === "ExecExists";
}

async function* followOnce(
  link: AgentLink,
  stretch: Stretch,
  parser: FrameParser,
  signal: AbortSignal,
): AsyncGenerator<LogFrame> {
  const { session, stream } = await begin(link, stretch, signal);
  const onAbort = () => stream.destroy(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      session.taken(chunk.length);
      yield* parser.push(chunk);
    }
    if (!parser.ended) throw new CallDropped("an exec's output broke off");
  } catch (error) {
    if (error instanceof ProtocolBreak) session.end(error);
    signal.throwIfAborted();
    throw session.faultOf(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    giveUp(stream);
  }
}

interface Begun {
  readonly session: AgentSession;
  readonly stream: ClientHttp2Stream;
}

/** One that has begun waits for the channel as long as its caller does: the machine may be held. */
async function begin(link: AgentLink, stretch: Stretch, signal: AbortSignal): Promise<Begun> {
  if (stretch.isResumed) await link.session(signal);
  using deadline = withDeadline(signal, headDeadlineMs);
  let session: AgentSession | undefined;
  try {
    session = await link.session(deadline.signal);
    return { session, stream: await open(session, stretch, deadline.signal) };
  } catch (error) {
    if (error instanceof ProtocolBreak) session?.end(error);
    if (!deadline.expired) throw error;
    throw callerError(new Error(`no exec output began within ${headDeadlineMs} ms`), signal);
  }
}

async function open(
  session: AgentSession,
  { id, offset, spec, isLog = false }: Stretch,
  signal: AbortSignal,
): Promise<ClientHttp2Stream> {
  const attach = {
    method: "GET",
    path: `/execs/${encodeURIComponent(id)}/output?offset=${offset}${isLog ? "&log=true" : ""}`,
  };
  const call = spec === undefined ? attach : { method: "POST", path: "/execs", body: { ...spec, attach: true } };
  const stream = session.request(headersOf(call), spec !== undefined);
  if ("body" in call) stream.end(JSON.stringify(call.body));
  const head = await headOf(session, stream, signal);
  await refuse(session, stream, head, spec === undefined ? ["ExecNotFound"] : startErrors, signal);
  return stream;
}

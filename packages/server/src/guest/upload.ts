/** Sending a body of any size, no faster than the agent takes it, while listening for its answer. */

import type { ClientHttp2Stream } from "node:http2";
import type { ErrorCode } from "@alcove/contract";
import type { z } from "zod";
import { bodyOf, giveUp, headOf } from "./answer.js";
import { type AgentLink, refuse } from "./call.js";
import { callerError, ProtocolBreak } from "./fault.js";
import { parseJson } from "./json.js";
import type { AgentSession } from "./session.js";
import { withSource } from "./source.js";

const maxAnswerBytes = 16_384;

export interface Upload<T> {
  readonly method: "PUT" | "POST";
  readonly path: string;
  readonly content: AsyncIterable<Uint8Array>;
  readonly answer: z.ZodType<T>;
  readonly errors: readonly ErrorCode[];
}

export function upload<T>(link: AgentLink, call: Upload<T>, signal: AbortSignal): Promise<T> {
  return withSource(call.content, signal, (content) =>
    onSession(link, signal, (session) => uploadOn(session, { ...call, content }, signal)),
  );
}

/** Works with the session there is, and ends one in which the guest breaks the protocol. */
export async function onSession<T>(
  link: AgentLink,
  signal: AbortSignal,
  work: (session: AgentSession) => Promise<T>,
): Promise<T> {
  let session: AgentSession | undefined;
  try {
    session = await link.session(signal);
    return await work(session);
  } catch (error) {
    if (error instanceof ProtocolBreak) session?.end(error);
    throw callerError(error, signal);
  }
}

async function uploadOn<T>(session: AgentSession, call: Upload<T>, signal: AbortSignal): Promise<T> {
  const stream = session.request({ ":method": call.method, ":path": call.path }, true);
  let isSent = false;
  const sending = send(stream, call.content).then(() => {
    isSent = true;
  });
  const answering = answerOf(session, stream, call, signal, () => isSent);
  return answerUnlessSourceFails(stream, sending, answering);
}

/** The source's own error counts before what the agent makes of it. Gives the stream up where there is no answer. */
export async function answerUnlessSourceFails<T>(
  stream: ClientHttp2Stream,
  sending: Promise<void>,
  answering: Promise<T>,
): Promise<T> {
  const failedSource = sending.then(() => new Promise<never>(() => {}));
  answering.catch(() => {});
  try {
    return await Promise.race([failedSource, answering]);
  } catch (error) {
    giveUp(stream);
    throw error;
  }
}

async function answerOf<T>(
  session: AgentSession,
  stream: ClientHttp2Stream,
  call: Upload<T>,
  signal: AbortSignal,
  isSent: () => boolean,
): Promise<T> {
  const head = await headOf(session, stream, signal);
  await refuse(session, stream, head, call.errors, signal);
  const body = await bodyOf(session, stream, maxAnswerBytes, signal);
  if (!isSent()) throw new ProtocolBreak("it answered an upload before its end");
  return parseJson(body, call.answer, "an answer to an upload");
}

/** Writes all of the content; stops quietly when the stream closes, and ends the stream abruptly when the content fails. */
async function send(stream: ClientHttp2Stream, content: AsyncIterable<Uint8Array>): Promise<void> {
  const source = content[Symbol.asyncIterator]();
  const closed = new Promise<"closed">((resolve) => stream.once("close", () => resolve("closed")));
  try {
    for (;;) {
      const next = await Promise.race([source.next(), closed]);
      if (next === "closed" || next.done === true) break;
      if (stream.destroyed || stream.closed) break;
      if (!stream.write(next.value)) await Promise.race([drained(stream), closed]);
    }
    if (!stream.destroyed && !stream.closed) stream.end();
  } catch (error) {
    giveUp(stream);
    throw error;
  } finally {
    void source.return?.()?.catch(() => {});
  }
}

function drained(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => stream.once("drain", resolve));
}

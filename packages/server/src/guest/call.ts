/** One call of the agent with a JSON answer. */

import type { OutgoingHttpHeaders } from "node:http2";
import type { ErrorCode } from "@alcove/contract";
import type { z } from "zod";
import { withDeadline } from "../lib/deadline.js";
import { bodyOf, type Head, headOf } from "./answer.js";
import { ChannelLost, callerError, ProtocolBreak } from "./fault.js";
import { parseJson } from "./json.js";
import type { Link } from "./link.js";
import { maxRefusalBytes, refusalOf } from "./refusal.js";
import type { AgentSession } from "./session.js";

export type AgentLink = Link<AgentSession>;

export interface Call<T> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly answer: z.ZodType<T>;
  /** What the agent may refuse it with. */
  readonly errors?: readonly ErrorCode[];
  readonly maximumBytes?: number;
  readonly deadlineMs?: number;
  /** May be made again when the channel was lost under it. */
  readonly isRepeatable?: boolean;
}

const defaultDeadlineMs = 10_000;
const defaultMaximumBytes = 1024 * 1024;
const repeats = 2;

export async function callAgent<T>(link: AgentLink, call: Call<T>, signal: AbortSignal): Promise<T> {
  const deadlineMs = call.deadlineMs ?? defaultDeadlineMs;
  using deadline = withDeadline(signal, deadlineMs);
  for (let attempt = 0; ; attempt++) {
    let session: AgentSession | undefined;
    try {
      session = await link.session(deadline.signal);
      return await callOnce(session, call, deadline.signal);
    } catch (error) {
      if (error instanceof ProtocolBreak) session?.end(error);
      if (error instanceof ChannelLost && call.isRepeatable === true && attempt < repeats) continue;
      if (!deadline.expired) throw callerError(error, signal);
      throw callerError(new Error(`no answer to ${nameOf(call)} within ${deadlineMs} ms`), signal);
    }
  }
}

async function callOnce<T>(session: AgentSession, call: Call<T>, signal: AbortSignal): Promise<T> {
  const hasBody = call.body !== undefined;
  const stream = session.request(headersOf(call), hasBody);
  if (hasBody) stream.end(JSON.stringify(call.body));
  const head = await headOf(session, stream, signal);
  await refuse(session, stream, head, call.errors ?? [], signal);
  const body = await bodyOf(session, stream, call.maximumBytes ?? defaultMaximumBytes, signal);
  return parseJson(body, call.answer, `an answer to ${nameOf(call)}`);
}

export function headersOf(call: {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}): OutgoingHttpHeaders {
  const headers = { ":method": call.method, ":path": call.path };
  return call.body === undefined ? headers : { ...headers, "content-type": "application/json" };
}

/** Throws what the agent refused the call with, if it did. */
export async function refuse(
  session: AgentSession,
  stream: Parameters<typeof headOf>[1],
  head: Head,
  errors: readonly ErrorCode[],
  signal: AbortSignal,
): Promise<void> {
  const status = head[":status"] ?? 0;
  if (status === 200) return;
  const body = await bodyOf(session, stream, maxRefusalBytes, signal);
  if (status < 400) throw new ProtocolBreak(`it answered with status ${status}`);
  throw refusalOf(body, errors);
}

function nameOf(call: { readonly method: string; readonly path: string }): string {
  return `${call.method} ${call.path.split("?", 1)[0]}`;
}

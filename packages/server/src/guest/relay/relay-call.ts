/**
 * One call, made of the agent for the daemon. Of its answer there come on: a status, the headers that agents have, the body no faster than
 * the daemon reads it, its end, and whether it was cut off.
 */
import http2, {
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { giveUp, type Head, hasEnded, headOf, whenEnded } from "../answer.js";
import { ProtocolBreak } from "../fault.js";
import type { AgentSession, StreamKind } from "../session.js";

const asked = [":method", ":path", "content-type", "traceparent"];
const answered = [
  ...["content-type", "x-alcove-size", "x-alcove-mode", "x-alcove-modified", "x-alcove-version"],
  "x-alcove-exchange",
  "server-timing",
];
const portCall = /^\/ports\/\d{1,5}\/connect$/;
const plainValue = /^[\x20-\x7e]{0,1024}$/;

export function relayCall(
  agent: AgentSession,
  call: ServerHttp2Stream,
  { headers, kind }: { readonly headers: IncomingHttpHeaders; readonly kind: StreamKind },
): void {
  call.on("error", () => {});
  if (call.destroyed) return;
  try {
    if (kind === "port" && !portCall.test(String(headers[":path"])))
      throw new Error("a line for ports is for nothing else");
    const stream = agent.request(pick(headers, asked), !call.endAfterHeaders, kind);
    sendBody(call, stream);
    void relayAnswer(agent, stream, call);
  } catch {
    cutOff(agent, call);
  }
}

/** What the daemon gives up is given up, and never looks whole. */
function sendBody(call: ServerHttp2Stream, stream: ClientHttp2Stream): void {
  if (!call.endAfterHeaders) {
    call.pipe(stream, { end: false });
    call.once("end", () => {
      if (call.rstCode === http2.constants.NGHTTP2_NO_ERROR && !call.aborted) stream.end();
    });
  }
  call.once("close", () => giveUp(stream));
}

async function relayAnswer(agent: AgentSession, stream: ClientHttp2Stream, call: ServerHttp2Stream): Promise<void> {
  const closed = new AbortController();
  call.once("close", () => closed.abort(new Error("the daemon gave the call up")));
  stream.once("close", () => {
    if (!hasEnded(stream)) cutOff(agent, call);
  });
  try {
    const head = await headOf(agent, stream, closed.signal);
    if (call.destroyed) return;
    call.respond(headToDaemon(head));
    stream.on("data", (chunk: Buffer) => agent.taken(chunk.length));
    stream.pipe(call, { end: false });
    whenEnded(stream, () => call.end());
  } catch (error) {
    if (error instanceof ProtocolBreak) agent.end(error);
    cutOff(agent, call);
  }
}

/** Node's `close` would end the body first: it would look whole. Where the whole session is over, the line tells it, and why. */
function cutOff(agent: AgentSession, call: ServerHttp2Stream): void {
  if (!agent.isOver && !call.destroyed) call.destroy(new Error("the agent cut it off"));
}

function headToDaemon(head: Head): OutgoingHttpHeaders {
  const picked = pick(head, answered);
  for (const [name, value] of Object.entries(picked)) {
    if (!plainValue.test(String(value))) throw new ProtocolBreak(`it sent a header ${name} that no agent sends`);
  }
  return { ...picked, ":status": statusOf(head) };
}

/** One that HTTP has for an answer. */
function statusOf(head: Head): number {
  const status = head[":status"] ?? 0;
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new ProtocolBreak(`it answered with status ${status}`);
  return status;
}

function pick(headers: IncomingHttpHeaders, names: readonly string[]): OutgoingHttpHeaders {
  return Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

/**
 * A call of the agent as part of a trace, and the agent's own share of it, which the agent says in a header. A guest can say anything: of
 * what it says counts a duration, and that is never longer than the call took until its answer began, nor outside of that.
 */
import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { currentSpan, type Span } from "../lib/tracing.js";
import { type Head, hasEnded } from "./answer.js";

/** Opens the stream, and looks on from its beginning to its end. */
export function requestInSpan(
  headers: OutgoingHttpHeaders,
  open: (headers: OutgoingHttpHeaders) => ClientHttp2Stream,
): ClientHttp2Stream {
  const parent = currentSpan();
  if (parent === undefined) return open(headers);
  const method = String(headers[":method"]);
  const template = templateOf(String(headers[":path"]));
  const attributes = { "http.request.method": method, "url.template": template, "server.address": "agent" };
  const called = { name: `${method} ${template}`, startedAtMs: Date.now(), began: performance.now() };
  const span = parent.begin(`agent ${called.name}`, { kind: "client", attributes });
  if (span === undefined) return open(headers);
  const stream = open(span.isSampled ? { ...headers, traceparent: span.traceparent } : headers);
  stream.once("response", (head: Head) => tellAnswer(span, head, called));
  stream.once("close", () => {
    // Given up by whoever called, or by the agent, or lost with the channel.
    if (!hasEnded(stream)) span.fail("cut_off");
    span.end();
  });
  return stream;
}

interface Called {
  readonly name: string;
  readonly startedAtMs: number;
  readonly began: number;
}

function tellAnswer(span: Span, head: Head, { name, startedAtMs, began }: Called): void {
  const status = head[":status"] ?? 0;
  span.add({ "http.response.status_code": status });
  if (status >= 400) span.fail(String(status));
  const elapsedMs = performance.now() - began;
  const handledMs = handledIn(head["server-timing"], elapsedMs);
  if (handledMs === undefined) return;
  // The channel takes as long there as back, as far as anybody knows.
  const beganAtMs = startedAtMs + (elapsedMs - handledMs) / 2;
  const attributes = { "alcove.told_by": "guest" };
  span.begin(name, { kind: "server", attributes, startedAtMs: beganAtMs })?.end(beganAtMs + handledMs);
}

const timing = /^agent;dur=(\d{1,9}(?:\.\d{1,3})?)$/;

/** Milliseconds until the answer began, as the agent says; undefined where it says nothing that makes sense. */
export function handledIn(told: unknown, elapsedMs: number): number | undefined {
  const [, text] = timing.exec(String(told)) ?? [];
  return text === undefined ? undefined : Math.min(Number(text), Math.max(0, elapsedMs));
}

/** The path as PROTOCOL.md has it: without ids, and without a query, in which files are named. */
export function templateOf(path: string): string {
  const [plain = ""] = path.split("?", 1);
  return plain.replace(/^\/execs\/[^/]+/, "/execs/{id}").replace(/^\/ports\/\d+/, "/ports/{port}");
}

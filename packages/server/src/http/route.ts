/**
 * `route` ties an endpoint of the contract to a handler: a handler is one expression over what was asked and `control`.
 * Params, query and body have been checked when it runs.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AlcoveError, type Endpoint, type Payload } from "@alcove/contract";
import type { z } from "zod";
import type { Caller } from "../control/access/access-control.js";
import { readBody } from "./request-body.js";
import type { Exchange, RouteTable } from "./route-table.js";
import { queryObject, validate } from "./validation.js";

export interface Call<Params extends z.ZodType, Query extends z.ZodType, Body extends Payload> {
  readonly params: z.output<Params>;
  readonly query: z.output<Query>;
  readonly body: Given<Body>;
  /** Unauthorized where nobody has said who it is. */
  readonly caller: Caller;
  readonly callerIfKnown: Caller | undefined;
  readonly signal: AbortSignal;
  readonly daemonSignal: AbortSignal;
  readonly headers: IncomingHttpHeaders;
}

export type Given<Body extends Payload> = Body extends z.ZodType
  ? z.output<Body>
  : Body extends "bytes"
    ? IncomingMessage
    : undefined;

export type Answer<Result extends Payload> = Result extends z.ZodType
  ? z.input<Result>
  : Result extends "bytes"
    ? Bytes
    : unknown;

/** A result that is not JSON. */
export interface Bytes {
  /** Where it is not that of the endpoint. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content: Readable | Uint8Array;
  /** Absent where it is not known before the end. */
  readonly length?: number;
  readonly type?: string;
  /** Sent whenever so much time has passed, so that both sides see that the other is there. */
  readonly keepAlive?: { readonly everyMs: number; readonly text: string };
}

export function route<P extends z.ZodType, Q extends z.ZodType, B extends Payload, R extends Payload>(
  routes: RouteTable,
  endpoint: Endpoint<P, Q, B, R>,
  handle: (call: Call<P, Q, B>) => Promise<Answer<R>> | Answer<R>,
  headers: Readonly<Record<string, string>> = {},
): void {
  routes.add(endpoint.method, endpoint.path, {
    kind: "http",
    endpoint,
    handle: async (exchange, response) => {
      const checked = await check(endpoint, exchange);
      const answer: unknown = await handle(checked);
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      if (endpoint.result === "none") response.writeHead(endpoint.status).end();
      else if (endpoint.result === "bytes")
        await sendBytes(response, { status: endpoint.status, ...(answer as Bytes) });
      else sendJson(response, endpoint.status, answer);
    },
  });
}

/** After so much time without an answer, and then again and again, white space goes out, which JSON allows before a value. */
const sayingEveryMs = 10_000;

/** As `route`, for what may take minutes: whatever stands between sees that the connection lives. Once white space went out, the status is that of success. */
export function slowRoute<P extends z.ZodType, Q extends z.ZodType, B extends Payload, R extends z.ZodType>(
  routes: RouteTable,
  endpoint: Endpoint<P, Q, B, R>,
  handle: (call: Call<P, Q, B>) => Promise<Answer<R>>,
  everyMs = sayingEveryMs,
): void {
  routes.add(endpoint.method, endpoint.path, {
    kind: "http",
    endpoint,
    handle: async (exchange, response) => {
      const checked = await check(endpoint, exchange);
      const timer = setInterval(() => {
        if (!response.headersSent) response.writeHead(endpoint.status, { "content-type": "application/json" });
        response.write(" ");
      }, everyMs);
      try {
        const value = await handle(checked);
        if (response.headersSent) response.end(JSON.stringify(value));
        else sendJson(response, endpoint.status, value);
      } finally {
        clearInterval(timer);
      }
    },
  });
}

async function check<P extends z.ZodType, Q extends z.ZodType, B extends Payload>(
  endpoint: Endpoint<P, Q, B, Payload>,
  exchange: Exchange,
): Promise<Call<P, Q, B>> {
  const params = validate(endpoint.params, exchange.params, "path");
  const query = validate(endpoint.query, queryObject(exchange.query), "query");
  const sent = await readBody(exchange.request, endpoint.body);
  const body = typeof endpoint.body === "string" ? sent : validate(endpoint.body, sent, "body");
  const { caller, signal, daemonSignal } = exchange;
  return {
    ...{ params, query, body: body as Given<B>, signal, daemonSignal, headers: exchange.request.headers },
    callerIfKnown: caller,
    get caller() {
      if (caller === undefined) throw new AlcoveError("Unauthorized");
      return caller;
    },
  };
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

async function sendBytes(response: ServerResponse, bytes: Bytes & { readonly status: number }): Promise<void> {
  const { content, length, status, headers = {} } = bytes;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader("content-type", bytes.type ?? "application/octet-stream");
  if (content instanceof Uint8Array) {
    response.writeHead(status, { "content-length": content.byteLength }).end(content);
    return;
  }
  if (length !== undefined) response.setHeader("content-length", length);
  response.writeHead(status).flushHeaders();
  if (response.req.method === "HEAD") {
    content.destroy();
    response.end();
    return;
  }
  await withKeepAlive(response, bytes.keepAlive, () =>
    length === undefined ? pipeline(content, response) : pipeline(content, exactly(length), response),
  );
}

/** Of a file that grows while it is read comes what was announced. One that shrinks breaks the answer off: half must not look like all. */
function exactly(length: number) {
  return async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let left = length;
    for await (const chunk of chunks) {
      if (left === 0) return;
      const part = chunk.subarray(0, left);
      left -= part.byteLength;
      yield part;
    }
    if (left !== 0) throw new Error(`The content has not the ${length} bytes that were announced`);
  };
}

async function withKeepAlive(
  response: ServerResponse,
  keepAlive: Bytes["keepAlive"],
  send: () => Promise<void>,
): Promise<void> {
  if (keepAlive === undefined) return send();
  const timer = setInterval(() => {
    if (!response.writableNeedDrain && !response.writableEnded) response.write(keepAlive.text);
  }, keepAlive.everyMs);
  try {
    await send();
  } finally {
    clearInterval(timer);
  }
}

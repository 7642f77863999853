/**
 * One call of the API, by the endpoint's own description. Repeated only where that is safe: anything that was refused
 * before it was sent or done (429), and what the contract calls idempotent after a lost connection or a 503. Retry-After is kept.
 *
 * Answers are typed by the contract but not checked against it, so that a newer daemon may say more than this SDK knows.
 */
import {
  AlcoveError,
  type Endpoint,
  fromProblem,
  type Payload,
  type Problem,
  type Schema,
  type SchemaInput,
  type SchemaOutput,
} from "@alcove/contract";
import { backOff } from "./back-off.js";
import { ConnectionError } from "./errors.js";
import type { Chunks, Transport, TransportRequest, TransportResponse } from "./transport.js";

export interface CallInput<P extends Schema, Q extends Schema, B extends Payload> {
  readonly params: SchemaInput<P>;
  /** Booleans and numbers travel as text; undefined is left out. */
  readonly query?: { readonly [Name in keyof SchemaOutput<Q>]?: SchemaOutput<Q>[Name] | undefined } | undefined;
  readonly body?: B extends Schema ? SchemaInput<B> : B extends "bytes" ? Uint8Array | string | Chunks : undefined;
  readonly signal?: AbortSignal | undefined;
}

type Answer<R extends Payload> = R extends Schema ? SchemaOutput<R> : R extends "bytes" ? TransportResponse : undefined;

const maximumAttempts = 4;
/** A server that asks for more patience than this is not waited for: its error says how long it wants. */
export const maximumRetryAfterMs = 30_000;

export async function call<P extends Schema, Q extends Schema, B extends Payload, R extends Payload>(
  transport: Transport,
  endpoint: Endpoint<P, Q, B, R>,
  input: CallInput<P, Q, B>,
): Promise<Answer<R>> {
  const request = requestOf(endpoint, input);
  const response = await sendRepeatedly(transport, request, endpoint.isIdempotent);
  if (endpoint.result === "bytes") return response as Answer<R>;
  const text = await textOf(response);
  return (endpoint.result === "none" ? undefined : JSON.parse(text)) as Answer<R>;
}

/** The path of an endpoint with its parameters and query filled in. */
export function pathOf(
  endpoint: Endpoint,
  params: Readonly<Record<string, string>>,
  query: Readonly<Record<string, unknown>> = {},
): string {
  const path = endpoint.path.replace(/:(\w+)/g, (_whole, name: string) => segment(name, params[name]));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return path;
  return `${path}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

/** As a part of a path `..` would name something else: browsers and proxies take it for the way up. */
function segment(name: string, value: unknown): string {
  const text = String(value);
  if (value !== undefined && !/^\.{0,2}$/.test(text)) return encodeURIComponent(text);
  throw new AlcoveError("InvalidRequest", `${name} must be a name, not ${JSON.stringify(value)}.`, {
    field: name,
    value: text,
  });
}

/** Throws the error that an answer tells, if it tells one. */
export async function throwProblem(response: TransportResponse): Promise<void> {
  if (response.status >= 200 && response.status < 300) return;
  throw await problemOf(response);
}

/** The error in the body of an answer; whatever is not problem+json becomes InternalError with what was seen. */
export async function problemOf(response: TransportResponse): Promise<AlcoveError> {
  const { status, headers } = response;
  const context = { requestId: headers["x-request-id"], retryAfterMs: retryAfterMs(response) };
  const text = await textOf(response);
  if (status < 400) {
    const message = `The server answered ${status}, which is not followed: whoever it names would be given the key.`;
    return new AlcoveError("InternalError", message, {
      ...context,
      hint: "Give the server's own URL, without redirects.",
    });
  }
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    if (typeof problem.code === "string") return fromProblem(problem as Problem, context);
  } catch {
    // Told below.
  }
  const message = `The answer was ${status} without a problem in it: ${text.slice(0, 200)}`;
  return new AlcoveError("InternalError", message, context);
}

/** Only where the server says that it is for now: seconds, or a date. */
function retryAfterMs({ status, headers }: TransportResponse): number | undefined {
  const text = headers["retry-after"];
  if (text === undefined || (status !== 429 && status !== 503)) return undefined;
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

export async function textOf(response: TransportResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

function requestOf<P extends Schema, Q extends Schema, B extends Payload>(
  endpoint: Endpoint<P, Q, B, Payload>,
  { params, query, body, signal }: CallInput<P, Q, B>,
): TransportRequest {
  const path = pathOf(endpoint, params as Record<string, string>, query as Record<string, unknown>);
  if (endpoint.body === "none") return { method: endpoint.method, path, headers: {}, signal };
  if (endpoint.body === "bytes") {
    const headers = { "content-type": "application/octet-stream" };
    return { method: endpoint.method, path, headers, body: (body ?? "") as TransportRequest["body"], signal };
  }
  const headers = { "content-type": "application/json" };
  return { method: endpoint.method, path, headers, body: JSON.stringify(body ?? {}), signal };
}

async function sendRepeatedly(
  transport: Transport,
  request: TransportRequest,
  isIdempotent: boolean,
): Promise<TransportResponse> {
  const canRepeat = typeof request.body !== "object" || request.body instanceof Uint8Array;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await transport.request({ ...request, attempt });
      await throwProblem(response);
      return response;
    } catch (error) {
      if (attempt === maximumAttempts || !isPassing(error, { canRepeat, isIdempotent })) throw error;
      await backOff(attempt, request.signal, error instanceof AlcoveError ? error.retryAfterMs : undefined);
    }
  }
}

function isPassing(error: unknown, call: { readonly canRepeat: boolean; readonly isIdempotent: boolean }): boolean {
  const isSafe = call.canRepeat && call.isIdempotent;
  if (error instanceof ConnectionError) return error.isPassing && (error.isUnsent || isSafe);
  if (!(error instanceof AlcoveError) || (error.retryAfterMs ?? 0) > maximumRetryAfterMs) return false;
  // Refused before anything was done.
  if (error.code === "TooManyRequests") return call.canRepeat;
  return (
    isSafe && (error.code === "DaemonStopping" || (error.code === "InternalError" && error.retryAfterMs !== undefined))
  );
}

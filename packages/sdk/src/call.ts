/**
 * One call of the API, by the endpoint's own description. Repeated only where that is safe: anything that was refused
 * before it was sent, and what the contract calls idempotent after a lost connection or a 503.
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
import { ConnectionError, StartError } from "./errors.js";
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
  const path = endpoint.path.replace(/:(\w+)/g, (_whole, name: string) => encodeURIComponent(params[name] ?? ""));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  if (pairs.length === 0) return path;
  return `${path}?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

/** Throws the error that an answer tells, if it tells one. */
export async function throwProblem(response: TransportResponse): Promise<void> {
  if (response.status < 400) return;
  throw problemOf(await textOf(response), response.status);
}

/** The error in the body of an answer; whatever is not problem+json becomes InternalError with what was seen. */
export function problemOf(text: string, status: number): AlcoveError {
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    if (typeof problem.code === "string") return fromProblem(problem as Problem);
  } catch {
    // Not JSON: told below.
  }
  return new AlcoveError("InternalError", `The answer was ${status} without a problem in it: ${text.slice(0, 200)}`);
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
  const mayRepeat = isIdempotent && (typeof request.body !== "object" || request.body instanceof Uint8Array);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await transport.request(request);
      await throwProblem(response);
      return response;
    } catch (error) {
      if (attempt === maximumAttempts || !isPassing(error, mayRepeat)) throw error;
      await backOff(attempt, request.signal);
    }
  }
}

function isPassing(error: unknown, mayRepeat: boolean): boolean {
  if (error instanceof StartError) return false;
  if (error instanceof ConnectionError) return error.isUnsent || mayRepeat;
  return error instanceof AlcoveError && error.code === "DaemonStopping" && mayRepeat;
}

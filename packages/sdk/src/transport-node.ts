/** The transport of Node: HTTP and WebSockets over a UNIX socket or TCP, with kept-alive connections. */
import { type ClientRequest, type IncomingMessage, request as startRequest } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connectionError, placeOf } from "./daemon-address.js";
import { ConnectionError, NoAnswerError } from "./errors.js";
import { headersOf, type NodeRoute, type NodeTransportOptions, routedPath, routeOf } from "./route-node.js";
import type { Chunks, Transport, TransportRequest, TransportResponse } from "./transport.js";
import { openNodeSocket } from "./transport-node-socket.js";

/** `onUnreachable` is asked for help when nobody listens; when it fulfils, the request is sent once more. */
export function createNodeTransport(
  options: NodeTransportOptions,
  onUnreachable?: (signal: AbortSignal | undefined) => Promise<void>,
): Transport {
  const route = routeOf(options);
  const reached = async <Result>(attempt: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> => {
    try {
      return await attempt();
    } catch (error) {
      if (onUnreachable === undefined || !(error instanceof ConnectionError) || !error.isUnsent) throw error;
      await onUnreachable(signal);
      return attempt();
    }
  };
  return {
    request: (request) => reached(() => send(route, request), request.signal),
    openSocket: (path, signal) => reached(() => openNodeSocket(route, path, signal), signal),
    close: () => route.agent.destroy(),
  };
}

function send(route: NodeRoute, request: TransportRequest): Promise<TransportResponse> {
  request.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const outgoing = startRequest(optionsOf(route, request));
    const { signal } = request;
    const abort = () => {
      outgoing.destroy();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    limitAnswer(outgoing, route);
    outgoing.on("close", () => signal?.removeEventListener("abort", abort));
    outgoing.on("response", (incoming) => resolve(responseOf(incoming, signal)));
    outgoing.on("error", (error) => reject(signal?.aborted ? signal.reason : connectionError(route.address, error)));
    sendBody(outgoing, request.body).catch((error: unknown) => {
      // The source of the body failed: the daemon must not take a part of it for the whole.
      outgoing.destroy();
      reject(error);
    });
  });
}

function optionsOf(route: NodeRoute, { method, path, headers, body }: TransportRequest) {
  const length = typeof body === "string" || body instanceof Uint8Array ? Buffer.byteLength(body) : undefined;
  const sent = { ...headers, ...route.headers, ...(length === undefined ? {} : { "content-length": String(length) }) };
  return { agent: route.agent, method, path: routedPath(route, path), headers: sent };
}

/** Counted from when the request is sent whole: an upload may take its time. */
function limitAnswer(outgoing: ClientRequest, { address, answerTimeoutMs }: NodeRoute): void {
  if (answerTimeoutMs === undefined) return;
  const message = `${placeOf(address)} has not answered within ${answerTimeoutMs} ms.`;
  outgoing.once("finish", () => {
    const late = new NoAnswerError(message);
    const timer = setTimeout(() => outgoing.destroy(late), answerTimeoutMs);
    for (const event of ["response", "close"]) outgoing.once(event, () => clearTimeout(timer));
  });
}

async function sendBody(outgoing: ClientRequest, body: TransportRequest["body"]): Promise<void> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    outgoing.end(body);
    return;
  }
  // Nothing is taken from the source before there is a connection, so that a refused call can be repeated whole.
  await connected(outgoing);
  let sourceError: unknown;
  const source = Readable.from(
    watched(body, (error) => (sourceError = error)),
    { objectMode: false },
  );
  // Where the daemon answers before it has read everything, what is left is not sent.
  outgoing.once("response", (incoming: IncomingMessage) => {
    if ((incoming.statusCode ?? 0) >= 400) source.destroy();
  });
  await pipeline(source, outgoing).catch(() => undefined);
  if (sourceError !== undefined) throw sourceError;
}

/** Fulfils when the request has its connection, or has failed, which its own listeners tell. */
function connected(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    outgoing.once("close", resolve);
    outgoing.once("socket", (socket) => (socket.connecting ? socket.once("connect", () => resolve()) : resolve()));
  });
}

async function* watched(body: Chunks, onError: (error: unknown) => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    onError(error);
    throw error;
  }
}

function responseOf(incoming: IncomingMessage, signal: AbortSignal | undefined): TransportResponse {
  return { status: incoming.statusCode ?? 0, headers: headersOf(incoming), body: chunksOf(incoming, signal) };
}

async function* chunksOf(incoming: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of incoming) yield chunk as Buffer;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ConnectionError("The daemon broke its answer off.", { isUnsent: false, cause: error });
  }
}

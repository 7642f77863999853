/** The transport of browsers: fetch, and WebSockets with the key beside the sub-protocol, since pages can set no headers there. */
import { ConnectionError, NoAnswerError } from "./errors.js";
import type { ServerSettings } from "./options.js";
import type { Transport, TransportRequest, TransportResponse } from "./transport.js";
import { openFetchSocket } from "./transport-fetch-socket.js";

export interface FetchRoute extends ServerSettings {
  readonly answerTimeoutMs: number | undefined;
}

export function createFetchTransport(route: FetchRoute): Transport {
  return {
    request: (request) => send(route, request),
    openSocket: (path, signal) => openFetchSocket(route, path, signal),
    close: () => undefined,
  };
}

async function send(route: FetchRoute, request: TransportRequest): Promise<TransportResponse> {
  const { origin, basePath, apiKey, answerTimeoutMs } = route;
  const { method, signal } = request;
  const body = await wholeBody(request.body);
  const late = new AbortController();
  const timer = answerTimeoutMs === undefined ? undefined : setTimeout(() => late.abort(), answerTimeoutMs);
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    const response = await fetch(origin + basePath + request.path, {
      ...{ method, headers: { ...request.headers, ...authorization }, ...(body === undefined ? {} : { body }) },
      // Whoever a redirect names is given nothing, and the browser adds no credentials of its own.
      ...{ redirect: "manual", credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" },
      signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
    });
    return responseOf(response, signal);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (late.signal.aborted) throw new NoAnswerError(`${origin} has not answered within ${answerTimeoutMs} ms.`);
    throw unreachable(origin, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Browsers do not say why: nobody may be there, or the server may not trust the page's origin. */
export function unreachable(origin: string, cause?: unknown): ConnectionError {
  const hint = "See that the server runs, and that its trustedOrigins name this page's origin.";
  return new ConnectionError(`${origin} cannot be reached from this page.`, { isUnsent: false, cause, hint });
}

/** Browsers send no streams over HTTP/1.1: what comes in pieces is gathered first. */
async function wholeBody(body: TransportRequest["body"]): Promise<string | Blob | undefined> {
  if (body === undefined || typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Blob([body as Uint8Array<ArrayBuffer>]);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of body) pieces.push(chunk as Uint8Array<ArrayBuffer>);
  return new Blob(pieces);
}

function responseOf(response: Response, signal: AbortSignal | undefined): TransportResponse {
  const headers = Object.fromEntries(response.headers);
  // A redirect is shown as nothing at all.
  const status = response.type === "opaqueredirect" ? 307 : response.status;
  return { status, headers, body: chunksOf(response, signal) };
}

async function* chunksOf({ body }: Response, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ConnectionError("The server broke its answer off.", { isUnsent: false, cause: error });
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

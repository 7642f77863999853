/** A program's HTTP/2 connection, within bounds on all that it may do. */
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Duplex, Writable } from "node:stream";
import { endSession, maxSessionMemory, onceOver } from "../../guest/http2-socket.js";
import { serveHttp2 as serveSession } from "../../lib/http2-sessions.js";
import type { AnswerHead } from "../message/answer-head.js";
import { type HeaderList, valuesOf } from "../message/header-list.js";
import { http2Headers, plainHeaders, sendTrailers } from "./http2-headers.js";
import type { Answer, ProgramRequest } from "./program-request.js";

export interface Http2Served {
  readonly stream: Duplex;
  /** For the head of the first request. */
  readonly headTimeoutMs: number;
  exchange(request: ProgramRequest): Promise<void>;
  /** The connection broke a rule of HTTP/2. */
  broken(detail: string): void;
}

const maxStreams = 100;
/** What a program may have on its way to a server that does not take it. */
const windowBytes = 128 * 1024;
/** Of all streams together: what comes is credited at once, so that the streams' own windows bound it. */
const sharedWindowBytes = 4 * 1024 * 1024;
const idleMs = 120_000;
const pingTimeoutMs = 60_000;

/** What is the program's own doing; the others say that the connection is over. */
const spoiling: ReadonlySet<string> = new Set(["ERR_HTTP2_ERROR", "ERR_HTTP2_TOO_MANY_INVALID_FRAMES"]);

export function serveHttp2({ stream, headTimeoutMs, exchange, broken }: Http2Served): void {
  const session = serveSession(stream, {
    maxHeaderListPairs: 160,
    maxSessionMemory,
    maxOutstandingPings: 4,
    maxSessionInvalidFrames: 16,
    maxSessionRejectedStreams: 64,
    maxDeflateDynamicTableSize: 4_096,
    settings: {
      enablePush: false,
      maxConcurrentStreams: maxStreams,
      initialWindowSize: windowBytes,
      maxHeaderListSize: 32_768,
      enableConnectProtocol: false,
    },
  });
  session.once("connect", () => session.setLocalWindowSize(sharedWindowBytes));
  let underWay = 0;
  session.on("stream", (one, headers, _flags, ...rest) => {
    one.on("error", () => {});
    // Reset since.
    if (one.destroyed) return;
    underWay++;
    const raw = (rest.at(-1) ?? []) as string[];
    void exchange(requestOf({ stream: one, headers, raw })).finally(() => {
      underWay--;
    });
  });
  session.on("error", (error: NodeJS.ErrnoException) => {
    if (spoiling.has(error.code ?? "")) broken(error.message);
  });
  // Node tells nobody of a connection that is spoilt beyond repair, if the peer does not end it either.
  const begin = setTimeout(() => endSession(session, stream), headTimeoutMs);
  session.once("stream", () => clearTimeout(begin));
  session.setTimeout(idleMs);
  session.on("timeout", () => {
    if (underWay === 0) endSession(session, stream);
    else endUnlessAlive(session, stream);
  });
  stream.once("end", () => endSession(session, stream));
  onceOver(session, stream, () => clearTimeout(begin));
}

/** After a fault Node may neither read nor say anything any more: then no answer comes. */
function endUnlessAlive(session: ServerHttp2Session, stream: Duplex): void {
  if (session.destroyed) return;
  const timer = setTimeout(() => endSession(session, stream), pingTimeoutMs);
  session.ping(() => clearTimeout(timer));
}

interface Opened {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly raw: readonly string[];
}

function requestOf({ stream, headers, raw }: Opened): ProgramRequest {
  const list = plainHeaders(raw);
  const authority = headers[":authority"];
  let trailers: HeaderList = [];
  stream.on("trailers", (_headers, ...rest) => {
    trailers = plainHeaders((rest.at(-1) ?? []) as string[]);
  });
  const hasBody = !stream.endAfterHeaders;
  if (!hasBody) stream.resume();
  return {
    method: headers[":method"] ?? "",
    version: "2",
    target: headers[":path"] ?? "",
    scheme: headers[":scheme"],
    authorities: [...(authority === undefined ? [] : [authority]), ...valuesOf(list, "host")],
    headers: list,
    body: hasBody ? stream : undefined,
    isWebSocket: false,
    trailers: () => trailers,
    answer: new Http2Answer(stream),
  };
}

class Http2Answer implements Answer {
  readonly #stream: ServerHttp2Stream;
  #trailers: HeaderList = [];
  #isEnded = false;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    stream.on("wantTrailers", () => sendTrailers(stream, this.#trailers));
  }

  get isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed && !this.#isEnded;
  }

  get hasBegun(): boolean {
    return this.#stream.headersSent;
  }

  get isWhole(): boolean {
    return this.#isEnded && this.#stream.writableFinished;
  }

  inform({ status, headers }: AnswerHead): void {
    this.#stream.additionalHeaders({ ":status": status, ...http2Headers(headers) });
  }

  begin({ status, headers }: AnswerHead, hasBody: boolean): Writable {
    this.#stream.respond(
      { ":status": status, ...http2Headers(headers) },
      { endStream: !hasBody, waitForTrailers: hasBody },
    );
    return this.#stream;
  }

  end(trailers: HeaderList): void {
    this.#isEnded = true;
    this.#trailers = trailers;
    this.#stream.end();
  }

  switchProtocols(): Duplex {
    throw new Error("HTTP/2 has no 101");
  }

  reset(http2Code: number = http2.constants.NGHTTP2_INTERNAL_ERROR): void {
    const { NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR } = http2.constants;
    // `close` would send the end of the body first, as if what has gone out were all of it.
    if (this.hasBegun) this.#stream.destroy(new Error("reset"));
    else this.#stream.close(http2Code === NGHTTP2_NO_ERROR ? NGHTTP2_INTERNAL_ERROR : http2Code);
  }

  onClose(listener: () => void): void {
    if (this.#stream.closed || this.#stream.destroyed) process.nextTick(listener);
    else this.#stream.once("close", listener);
  }
}

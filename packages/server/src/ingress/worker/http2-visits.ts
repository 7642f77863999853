/** Visitors by HTTP/2: each stream is a request like any other. WebSockets come by HTTP/1.1, for nothing else is offered. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import { groupedHeaders, pairs } from "../../lib/grouped-headers.js";
import { serveHttp2 } from "../../lib/http2-sessions.js";
import { http2AnswerHeaders } from "./http2-answer-headers.js";
import type { VisitAnswer, VisitRequest } from "./visit-request.js";

const idleMs = 30_000;
const limits = { maxConcurrentStreams: 100, maxHeaderListSize: 65_536, enablePush: false };

export class Http2Visits {
  readonly #visit: (request: VisitRequest, answer: VisitAnswer) => void;
  readonly #idle = new Set<ServerHttp2Session>();

  constructor(visit: (request: VisitRequest, answer: VisitAnswer) => void) {
    this.#visit = visit;
  }

  take(socket: TLSSocket): void {
    const { remoteAddress } = socket;
    const session = serveHttp2(socket, { settings: limits });
    let streams = 0;
    this.#idle.add(session);
    session.on("error", () => {}).once("close", () => this.#idle.delete(session));
    // Streams that there are go on.
    session.setTimeout(idleMs, () => session.close());
    session.on(
      "stream",
      (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, rawHeaders: string[]) => {
        if (++streams === 1) this.#idle.delete(session);
        stream
          .on("error", () => {})
          .once("close", () => {
            if (--streams === 0 && !session.destroyed) this.#idle.add(session);
          });
        const hasEnded = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
        try {
          this.#begin(stream, { ...headOf(headers, rawHeaders, hasEnded), remoteAddress, body: stream });
        } catch {
          // Not at the others' cost.
          session.destroy();
        }
      },
    );
  }

  #begin(stream: ServerHttp2Stream, request: VisitRequest): void {
    if (stream.closed || stream.destroyed) return;
    if (request.headers.expect === "100-continue") stream.additionalHeaders({ ":status": 100 });
    this.#visit(request, answerOf(stream));
  }

  /** For whoever comes next. */
  closeIdle(): void {
    for (const session of this.#idle) session.close();
  }
}

type Head = Omit<VisitRequest, "remoteAddress" | "body">;

function headOf(headers: IncomingHttpHeaders, rawHeaders: readonly string[], hasEnded: boolean): Head {
  const own = pairs(rawHeaders).filter(([name]) => !name.startsWith(":") && name !== "cookie" && name !== "host");
  const { ":authority": authority = headers.host, ":method": method = "", ":path": url = "", cookie } = headers;
  // What names two hosts says twice whom it is for.
  if (authority !== undefined) own.unshift(["host", authority]);
  if (headers.host !== undefined && headers.host !== authority) own.unshift(["host", headers.host]);
  if (cookie !== undefined) own.push(["cookie", cookie]);
  if (!hasEnded && headers["content-length"] === undefined) own.push(["transfer-encoding", "chunked"]);
  const headerValues = groupedHeaders(own);
  const joined = Object.entries(headerValues).map(([name, values]) => [name, values.join(", ")]);
  return { method, url, headers: Object.fromEntries(joined), headerValues, rawHeaders: own.flat(), isTls: true };
}

function answerOf(stream: ServerHttp2Stream): VisitAnswer {
  return {
    body: stream,
    get hasBegun() {
      return stream.headersSent;
    },
    begin(status, headers) {
      // It may have gone meanwhile.
      if (stream.destroyed || stream.closed) return;
      stream.respond({ ...http2AnswerHeaders(headers), ":status": status });
    },
    // `close` would end the body first, as if it were whole, or say nothing at all.
    breakOff: () => void stream.destroy(new Error("broken off")),
    takeNoMore() {
      stream.resume();
      if (stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
      else stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    },
  };
}

/** Visitors by HTTP/2: each stream is a request like any other. WebSockets come by HTTP/1.1, for nothing else is offered. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import { hopByHopHeaders } from "@alcove/contract";
import { serveHttp2 } from "../../lib/http2-sessions.js";
import { pairs } from "./request-headers.js";
import type { VisitAnswer, VisitRequest } from "./visit-request.js";

const hopByHop: ReadonlySet<string> = new Set(hopByHopHeaders);
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
        if (headers.expect === "100-continue") stream.additionalHeaders({ ":status": 100 });
        const hasEnded = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
        this.#visit({ ...headOf(headers, rawHeaders, hasEnded), remoteAddress, body: stream }, answerOf(stream));
      },
    );
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
  const headersDistinct = grouped(own);
  const joined = Object.entries(headersDistinct).map(([name, values]) => [name, values.join(", ")]);
  return { method, url, headers: Object.fromEntries(joined), headersDistinct, rawHeaders: own.flat(), isTls: true };
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
      const own = pairs(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
      stream.respond({ ":status": status, ...grouped(own.filter(([name]) => !hopByHop.has(name))) });
    },
    breakOff: () => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  };
}

function grouped(headers: readonly (readonly [name: string, value: string])[]): Record<string, string[]> {
  const values: Record<string, string[]> = {};
  for (const [name, value] of headers) values[name] = [...(values[name] ?? []), value];
  return values;
}

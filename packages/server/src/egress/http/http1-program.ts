/**
 * A program's HTTP/1 connection, read by Node's own strict parser. Requests are served one after the other, as they came. One that would
 * like another protocol than WebSocket is read again without that wish.
 */
import http, { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { headerListOf, valuesOf } from "../message/header-list.js";
import { Http1Answer } from "./http1-answer.js";
import { headWithoutUpgrade, wantsWebSocket } from "./http1-upgrade.js";
import type { ProgramRequest } from "./program-request.js";
import { type Refusal, refusalBytes, refused } from "./refusal.js";

export interface Http1Served {
  readonly stream: Duplex;
  /** For a request's head, from its first byte to its last. */
  readonly headTimeoutMs: number;
  exchange(request: ProgramRequest): Promise<void>;
  /** What came is not HTTP, or not in time. */
  broken(refusal: Refusal): void;
  /** Cuts the connection off. */
  reset(): void;
}

const maxHeadBytes = 32 * 1024;
const idleMs = 75_000;
/** For all that is still to be answered to a program that has ended its side. */
const halfClosedMs = 300_000;
/** What may wait behind the request that is being served: apt sends ten at once. */
const maxWaiting = 64;

export function serveHttp1(served: Http1Served): void {
  new Http1Connection(served).begin();
}

class Http1Connection {
  readonly #served: Http1Served;
  readonly #server: http.Server;
  readonly #waiting: ProgramRequest[] = [];
  readonly #answers = new Set<Http1Answer>();
  #isServing = false;
  #isBroken = false;

  constructor(served: Http1Served) {
    this.#served = served;
    this.#server = http.createServer({
      insecureHTTPParser: false,
      maxHeaderSize: maxHeadBytes,
      headersTimeout: served.headTimeoutMs,
      // A body takes as long as it takes.
      requestTimeout: 0,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.min(2_000, served.headTimeoutMs / 4),
      // Its absence is refused with a sentence of our own.
      requireHostHeader: false,
    });
    // A program may end its side after its last request.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    // Node would leave out what is beyond; all of a head is counted where requests are checked.
    this.#server.maxHeadersCount = 0;
    const take = (request: IncomingMessage, response: ServerResponse) => this.#take(request, response);
    this.#server.on("request", take).on("checkContinue", take).on("checkExpectation", take);
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, { socket, head }));
    this.#server.on("connect", (request, socket, head) => this.#takeDetached(request, { socket, head }));
    this.#server.on("clientError", (error: NodeJS.ErrnoException) => this.#break(error));
  }

  begin(): void {
    // Node starts the clock of heads when a server begins to listen, which this one, with its one connection, never does.
    this.#server.emit("listening");
    this.#served.stream.once("close", () => {
      this.#server.close();
      for (const answer of this.#answers) answer.close();
    });
    this.#served.stream.once("end", () => this.#awaitLastAnswers());
    this.#server.emit("connection", this.#served.stream);
  }

  /** A program that has ended its side may be gone, or wait for its answer: nothing tells which. */
  #awaitLastAnswers(): void {
    const timer = setTimeout(this.#served.reset, halfClosedMs);
    this.#served.stream.once("close", () => clearTimeout(timer));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#waiting.length >= maxWaiting) this.#served.reset();
    const answer = new Http1Answer(response, this.#served.reset);
    this.#answers.add(answer);
    answer.onClose(() => this.#answers.delete(answer));
    this.#waiting.push(requestOf(request, answer));
    if (!this.#isServing) void this.#serve();
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      const closed = new Promise<void>((resolve) => request?.answer.onClose(resolve));
      await this.#served.exchange(request);
      await closed;
    }
    this.#isServing = false;
  }

  #upgrade(request: IncomingMessage, rest: Rest): void {
    if (wantsWebSocket(request)) this.#takeDetached(request, rest);
    else this.#readAgain(request, rest);
  }

  #readAgain(request: IncomingMessage, { socket, head }: Rest): void {
    if (this.#isServing) {
      // Answers to earlier requests would be lost with the connection's first reader.
      this.#served.reset();
      return;
    }
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
    this.#server.emit("connection", socket);
  }

  /** A request after which Node leaves the connection to us: the last one on it. */
  #takeDetached(request: IncomingMessage, { socket, head }: Rest): void {
    if (this.#isServing) {
      this.#served.reset();
      return;
    }
    if (head.length > 0) socket.unshift(head);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    // ServerResponse wants a Socket, and uses what every Duplex has.
    response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
    response.once("finish", () => socket.end());
    this.#take(request, response);
  }

  #break(error: NodeJS.ErrnoException): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const { stream, broken, reset } = this.#served;
    const isGone = ["ECONNRESET", "HPE_INVALID_EOF_STATE"].includes(error.code ?? "");
    if (this.#isServing || !stream.writable || isGone) {
      reset();
      return;
    }
    const refusal = refusalOf(error);
    broken(refusal);
    stream.end(refusalBytes(refused(refusal, undefined)));
  }
}

interface Rest {
  readonly socket: Duplex;
  /** What came behind the request's head. */
  readonly head: Buffer;
}

function requestOf(request: IncomingMessage, answer: Http1Answer): ProgramRequest {
  const headers = headerListOf(request.rawHeaders);
  const lengths = valuesOf(headers, "content-length");
  const hasBody = lengths.some((length) => length !== "0") || valuesOf(headers, "transfer-encoding").length > 0;
  if (!hasBody) request.resume();
  return {
    method: request.method ?? "",
    version: request.httpVersion,
    target: request.url ?? "",
    scheme: undefined,
    authorities: valuesOf(headers, "host"),
    headers,
    body: hasBody ? request : undefined,
    isWebSocket: wantsWebSocket(request),
    trailers: () => headerListOf(request.rawTrailers),
    answer,
  };
}

function refusalOf(error: NodeJS.ErrnoException): Refusal {
  const known = refusals[error.code ?? ""];
  if (known !== undefined) return known;
  const reason = `what came is no HTTP: ${error.message.replace(/^Parse Error: /, "")}`;
  return { status: 400, rule: "malformed-request", reason, hint: "Send it as HTTP has it (RFC 9110, RFC 9112)." };
}

const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    rule: "malformed-request",
    reason: `its head is longer than ${maxHeadBytes / 1024} KiB`,
    hint: "Send fewer or shorter headers.",
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    rule: "malformed-request",
    reason: "its chunks have too much beside their data",
    hint: "Send chunks without extensions.",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    rule: "malformed-request",
    reason: "its head was not whole in time",
    hint: "Send it in one piece.",
  },
};

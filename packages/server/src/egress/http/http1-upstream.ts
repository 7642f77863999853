/** HTTP/1.1 connections to one server: as many as there are requests at once, kept for the next. */
import http, { type ClientRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type HeaderList, hasHeader, headerListOf, rawHeadersOf } from "../message/header-list.js";
import { serverAddressOf } from "./server-address.js";
import type { Upstream, UpstreamEvents, UpstreamExchange, UpstreamRequest } from "./upstream.js";

/** Of an answer's head: servers send more than programs, and have been decided on. */
const maxHeadBytes = 128 * 1024;

export class Http1Connections implements Upstream {
  readonly #agent: KeptConnections;
  /** Of its own the kernel widens TCP's windows. */
  readonly hasRoom = true;
  readonly #dial: () => Promise<Socket>;
  readonly #openSockets = new Set<Socket>();
  #dialling = 0;

  constructor(dial: () => Promise<Socket>) {
    this.#dial = async () => {
      this.#dialling++;
      try {
        return this.#kept(await dial());
      } finally {
        this.#dialling--;
      }
    };
    this.#agent = new KeptConnections(this.#dial);
  }

  /** Dials, unless a connection waits; who finds it taken in the end has one dialled when its request is sent. */
  async ready(): Promise<Upstream> {
    if (!this.#agent.hasFree) this.#agent.add(await this.#dial());
    return this;
  }

  /** A connection that nothing was sent on. */
  take(socket: Socket): void {
    this.#agent.add(this.#kept(socket));
  }

  send(request: UpstreamRequest, events: UpstreamEvents): UpstreamExchange {
    const outgoing = http.request({
      agent: this.#agent,
      host: "server",
      method: request.method,
      path: request.path,
      headers: rawHeadersOf(headersOf(request)),
      setHost: false,
      insecureHTTPParser: false,
      maxHeaderSize: maxHeadBytes,
    });
    outgoing.maxHeadersCount = 0;
    if (request.hasBody) outgoing.flushHeaders();
    return new Http1Exchange({ outgoing, isWebSocket: request.isWebSocket }, events);
  }

  get hasConnections(): boolean {
    return this.#dialling > 0 || this.#openSockets.size > 0;
  }

  /** Ends those that wait, and each of the others with what is under way on it. */
  retire(): void {
    this.#agent.retire();
  }

  close(): void {
    this.#agent.destroy();
    for (const socket of this.#openSockets) socket.destroy();
  }

  #kept(socket: Socket): Socket {
    this.#openSockets.add(socket);
    socket.once("close", () => this.#openSockets.delete(socket));
    return socket;
  }
}

/** Node's agent on connections that were dialled before they are asked for. */
class KeptConnections extends http.Agent {
  readonly #dial: () => Promise<Socket>;
  readonly #fresh: Socket[] = [];

  constructor(dial: () => Promise<Socket>) {
    super({ keepAlive: true, maxFreeSockets: 8 });
    this.#dial = dial;
  }

  get hasFree(): boolean {
    return this.#waiting.some((socket) => !socket.destroyed);
  }

  /** Those that were used before, and those that were dialled for a request which then found another. */
  get #waiting(): readonly Socket[] {
    return [...this.#fresh, ...Object.values(this.freeSockets).flatMap((sockets) => sockets ?? [])];
  }

  add(socket: Socket): void {
    this.#fresh.push(socket);
  }

  retire(): void {
    this.maxFreeSockets = 0;
    for (const socket of this.#waiting) socket.destroy();
  }

  /** What comes on a connection that waits is the answer to nothing: it must not become the next request's. */
  override keepSocketAlive(socket: Duplex): boolean {
    // Its type does not tell of what it answers.
    const isKept: unknown = super.keepSocketAlive(socket);
    if (isKept === true) socket.on("data", endUnasked);
    return isKept === true;
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    socket.off("data", endUnasked);
    super.reuseSocket(socket, request);
  }

  /** Node asks here for each that it has no free one for. */
  override createConnection(_options: object, callback?: (error: Error | null, socket: Duplex) => void) {
    for (let fresh = this.#fresh.pop(); fresh !== undefined; fresh = this.#fresh.pop()) {
      if (!fresh.destroyed) return fresh;
    }
    this.#dial().then(
      (socket) => callback?.(null, socket),
      // Node looks at the socket only where there is no error.
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

function endUnasked(this: Duplex): void {
  this.destroy();
}

/** With the framing that Node is to use, said where it could choose another. */
function headersOf({ headers, authority, hasBody, isWebSocket, method }: UpstreamRequest): HeaderList {
  const addressed: HeaderList = hasHeader(headers, "host")
    ? headers.map(([name, value]) => [name, name.toLowerCase() === "host" ? authority : value])
    : [["Host", authority], ...headers];
  const crumbs = withOneCookie(addressed);
  if (isWebSocket) return [...crumbs, ["Connection", "Upgrade"], ["Upgrade", "websocket"]];
  if (hasHeader(headers, "content-length")) return crumbs;
  if (hasBody) return [...crumbs, ["Transfer-Encoding", "chunked"]];
  return bodiless.has(method) ? crumbs : [...crumbs, ["Content-Length", "0"]];
}

const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE"]);

/** HTTP/2 may split it into several, HTTP/1 may not (RFC 9113, 8.2.3). */
function withOneCookie(headers: HeaderList): HeaderList {
  const cookies = headers.filter(([name]) => name.toLowerCase() === "cookie");
  if (cookies.length < 2) return headers;
  const joined = cookies.map(([, value]) => value).join("; ");
  return [...headers.filter(([name]) => name.toLowerCase() !== "cookie"), ["Cookie", joined]];
}

class Http1Exchange implements UpstreamExchange {
  address: string | undefined;
  readonly body: ClientRequest;
  #isAnswered = false;

  constructor({ outgoing, isWebSocket }: { outgoing: ClientRequest; isWebSocket: boolean }, events: UpstreamEvents) {
    this.body = outgoing;
    outgoing.once("socket", (socket) => {
      this.address = serverAddressOf(socket);
      // One that was dialled a moment ago is paused, so that nothing of it is lost.
      socket.resume();
    });
    const once = (tell: () => void) => {
      if (this.#isAnswered) return;
      this.#isAnswered = true;
      tell();
    };
    outgoing.on("information", (info) => {
      if (this.#isAnswered) return;
      events.informed({ status: info.statusCode, reason: info.statusMessage, headers: headerListOf(info.rawHeaders) });
    });
    outgoing.on("response", (response) => once(() => events.answered(answerOf(response))));
    outgoing.on("upgrade", (response, socket, rest) =>
      once(() => switched({ response, socket, rest, isWebSocket }, events)),
    );
    outgoing.on("error", (error) => once(() => events.failed(error)));
    outgoing.on("close", () => once(() => events.failed(new Error("the server closed the connection"))));
  }

  finish(trailers: HeaderList): void {
    if (trailers.length > 0) this.body.addTrailers(trailers);
    this.body.end();
  }

  abort(): void {
    this.body.destroy();
  }
}

function answerOf(response: IncomingMessage) {
  return {
    status: response.statusCode ?? 502,
    reason: response.statusMessage ?? "",
    headers: headerListOf(response.rawHeaders),
    body: response,
    trailers: () => headerListOf(response.rawTrailers),
  };
}

interface Switched {
  readonly response: IncomingMessage;
  readonly socket: Duplex;
  readonly rest: Buffer;
  readonly isWebSocket: boolean;
}

function switched({ response, socket, rest, isWebSocket }: Switched, events: UpstreamEvents): void {
  if (!isWebSocket || response.headers.upgrade?.toLowerCase() !== "websocket") {
    socket.destroy();
    events.failed(new Error("the server changed to another protocol than was asked for"));
    return;
  }
  if (rest.length > 0) socket.unshift(rest);
  const { status, reason, headers } = answerOf(response);
  events.switched({ status, reason, headers }, socket);
}

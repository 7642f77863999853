/** An HTTP/2 connection to a server, for all requests of the program's own HTTP/2 connection to it. */
import http2, {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { endSession, maxSessionMemory } from "../../guest/http2-socket.js";
import { connectHttp2 } from "../../lib/http2-sessions.js";
import type { HeaderList } from "../message/header-list.js";
import { http2Headers, plainHeaders, sendTrailers } from "./http2-headers.js";
import { serverAddressOf } from "./server-address.js";
import { narrowBytes, StreamWindows } from "./stream-windows.js";
import type { Upstream, UpstreamEvents, UpstreamExchange, UpstreamRequest } from "./upstream.js";
import type { WindowBudget } from "./window-budget.js";

/** Of all streams together: what comes is credited at once, so that the streams' own windows bound it. */
const sharedWindowBytes = 16 * 1024 * 1024;

export class Http2Connection implements Upstream {
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #address: string | undefined;
  readonly #windows: StreamWindows;

  constructor(socket: Socket, budget: WindowBudget) {
    this.#socket = socket;
    this.#address = serverAddressOf(socket);
    this.#session = connectHttp2("https://server", socket, {
      maxHeaderListPairs: 256,
      maxSessionMemory,
      maxReservedRemoteStreams: 0,
      settings: { enablePush: false, initialWindowSize: narrowBytes, maxHeaderListSize: 65_536 },
    });
    // Each of its streams tells its own end.
    this.#session.on("error", () => {});
    this.#session.once("connect", () => this.#session.setLocalWindowSize(sharedWindowBytes));
    this.#windows = new StreamWindows(budget, (initialWindowSize) => {
      if (!this.isOver) this.#session.settings({ initialWindowSize });
    });
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  get isOver(): boolean {
    return this.#session.destroyed;
  }

  get hasRoom(): boolean {
    return this.#windows.hasRoom;
  }

  send(request: UpstreamRequest, events: UpstreamEvents): UpstreamExchange {
    const { method, scheme, authority, path, headers, hasBody, takesTrailers } = request;
    const own = { ":method": method, ":scheme": scheme, ":authority": authority, ":path": path };
    const aborting = new AbortController();
    const rest = headers.filter(([name]) => name.toLowerCase() !== "host");
    const stream = this.#open(
      { ...own, ...http2Headers(rest), ...(takesTrailers ? { te: "trailers" } : {}) },
      { endStream: !hasBody, waitForTrailers: hasBody, signal: aborting.signal },
    );
    const taken = (bytes: number) => this.#windows.taken(bytes, stream.readableLength);
    return new Http2Exchange({ stream, aborting, hasBody, taken, address: this.#address }, events);
  }

  /** @throws where there is no room for it, or Node takes no such head */
  #open(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream {
    const leave = this.#windows.enter();
    if (leave === undefined) throw new Error("there is no room for one stream more");
    try {
      return this.#session.request(headers, options).once("close", leave);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Takes no more, and ends with the last that is under way. */
  retire(): void {
    if (this.isOpen) this.#session.close();
  }

  close(): void {
    endSession(this.#session, this.#socket);
  }
}

interface Sent {
  readonly stream: ClientHttp2Stream;
  readonly aborting: AbortController;
  readonly hasBody: boolean;
  readonly address: string | undefined;
  readonly taken: (bytes: number) => void;
}

class Http2Exchange implements UpstreamExchange {
  readonly address: string | undefined;
  readonly body: ClientHttp2Stream;
  readonly taken: (bytes: number) => void;
  readonly #hasBody: boolean;
  readonly #aborting: AbortController;
  #trailers: HeaderList = [];

  constructor({ stream, aborting, hasBody, address, taken }: Sent, events: UpstreamEvents) {
    this.address = address;
    this.taken = taken;
    this.body = stream;
    this.#hasBody = hasBody;
    this.#aborting = aborting;
    let isAnswered = false;
    let trailers: HeaderList = [];
    const once = (tell: () => void) => {
      if (isAnswered) return;
      isAnswered = true;
      tell();
    };
    // Node gives the headers as they came beside the object that its types know of.
    const raw = (rest: unknown[]) => plainHeaders((rest.at(-1) ?? []) as string[]);
    stream.on("continue", () => events.informed({ status: 100, reason: "", headers: [] }));
    stream.on("headers", (headers, ...rest) => {
      if (!isAnswered) events.informed({ status: statusOf(headers), reason: "", headers: raw(rest) });
    });
    stream.on("trailers", (_headers, ...rest) => {
      trailers = raw(rest);
    });
    stream.on("response", (headers, flags, ...rest) => {
      const isBodiless = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      const answer = { status: statusOf(headers), reason: "", headers: raw(rest), trailers: () => trailers };
      once(() => events.answered({ ...answer, body: isBodiless ? undefined : stream }));
      if (isBodiless) stream.resume();
    });
    stream.on("wantTrailers", () => sendTrailers(stream, this.#trailers));
    stream.on("error", (error) => once(() => events.failed(withCode(error, stream))));
    stream.on("close", () => once(() => events.failed(withCode(new Error("the server closed it"), stream))));
  }

  finish(trailers: HeaderList): void {
    this.#trailers = trailers;
    if (this.#hasBody) this.body.end();
  }

  /** Not by `close`, which first sends the end of a body as if that were all of it. */
  abort(): void {
    if (!this.body.closed) this.#aborting.abort();
  }
}

function statusOf(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): number {
  return headers[":status"] ?? 502;
}

function withCode(error: Error, stream: ClientHttp2Stream): Error {
  return Object.assign(error, { rstCode: stream.rstCode });
}

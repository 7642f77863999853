/**
 * The host direction: the agent's calls to the daemon, one HTTP/2 connection with the agent as its client. It may ask what time
 * it is, and nothing else.
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { serveHttp2 } from "../lib/http2-sessions.js";
import { unixNanos } from "../lib/unix-nanos.js";
import { ChannelLost, ProtocolBreak } from "./fault.js";
import { checkLiving, endSession, onceOver } from "./http2-socket.js";
import { type Allowance, type Meter, startMeter } from "./meter.js";
import { hostileBounds } from "./session.js";

const allowance: Allowance = { burstBytes: 64 * 1024, bytesPerSecond: 8 * 1024 };

export class HostSession {
  /** Fulfils with what ended it. */
  readonly ended: Promise<Error>;
  readonly #http: ServerHttp2Session;
  readonly #socket: Duplex;
  readonly #meter: Meter;
  #fault: Error | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#http = serveHttp2(checkLiving(socket), {
      ...hostileBounds,
      maxSessionInvalidFrames: 16,
      maxSessionRejectedStreams: 16,
      settings: { maxConcurrentStreams: 8, initialWindowSize: 16_384, maxHeaderListSize: 8_192, enablePush: false },
    });
    this.#meter = startMeter(
      socket,
      allowance,
      () => 0,
      (bytes) => this.end(new ProtocolBreak(`${bytes} bytes came to the host's side at once`)),
    );
    this.ended = new Promise((resolve) => {
      this.#http.on("error", (error) => this.end(new ProtocolBreak("its HTTP/2 was broken", { cause: error })));
      this.#http.on("stream", (stream, headers) => answer(stream, headers));
      onceOver(this.#http, socket, () => {
        this.#meter.stop();
        resolve(this.#fault ?? new ChannelLost("the host's session ended"));
      });
    });
  }

  get isOver(): boolean {
    return this.#fault !== undefined || this.#http.closed || this.#http.destroyed;
  }

  end(fault: Error): void {
    this.#fault ??= fault;
    endSession(this.#http, this.#socket);
  }
}

function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  stream.on("error", () => {});
  // Reset or torn down since: answering would throw.
  if (stream.destroyed) return;
  if (headers[":method"] === "GET" && headers[":path"] === "/time")
    answerJson(stream, 200, { unixNanos: unixNanos().toString() });
  else answerJson(stream, 404, { code: "RouteNotFound", message: "The daemon takes GET /time." });
}

function answerJson(stream: ServerHttp2Stream, status: number, answer: unknown): void {
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify(answer));
}

/** One HTTP/2 connection to the agent: requests out, within bounds on all that comes back. */
import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import { CallDropped, ChannelLost, ProtocolBreak, TooManyCalls } from "./fault.js";
import { checkLiving, endSession, onceOver } from "./http2-socket.js";
import { type Allowance, type Meter, startMeter } from "./meter.js";

/** What may be on its way to us in each stream: a reader that is slow holds the guest back past this. */
export const streamWindowBytes = 1024 * 1024;
/** Streams of one guest at once; with the window, the most memory that its slow readers can cost. */
const maxStreams = 256;
const allowance: Allowance = { burstBytes: 4 * 1024 * 1024, bytesPerSecond: 512 * 1024 };

export const hostileBounds = {
  maxHeaderListPairs: 64,
  maxSessionMemory: 16,
  maxOutstandingPings: 4,
  maxDeflateDynamicTableSize: 4_096,
} as const;

export class AgentSession {
  /** Fulfils with what ended it. */
  readonly ended: Promise<Error>;
  readonly #http: ClientHttp2Session;
  readonly #socket: Duplex;
  readonly #meter: Meter;
  #streams = 0;
  #fault: Error | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#http = http2.connect("http://agent", {
      createConnection: () => checkLiving(socket),
      ...hostileBounds,
      maxReservedRemoteStreams: 0,
      peerMaxConcurrentStreams: maxStreams,
      settings: {
        enablePush: false,
        initialWindowSize: streamWindowBytes,
        maxHeaderListSize: 16_384,
        maxFrameSize: 65_536,
      },
    });
    this.#meter = startMeter(
      socket,
      allowance,
      () => this.#streams * streamWindowBytes * 2,
      (bytes) => this.end(new ProtocolBreak(`${bytes} bytes came that nothing had asked for`)),
    );
    this.ended = new Promise((resolve) => {
      this.#http.on("error", (error) => this.end(faultOf(error)));
      this.#http.on("goaway", () => this.end(new ChannelLost("the agent said goodbye")));
      onceOver(this.#http, socket, () => {
        this.#meter.stop();
        resolve(this.#fault ?? new ChannelLost("the channel's session ended"));
      });
    });
  }

  get isOver(): boolean {
    return this.#fault !== undefined || this.#http.closed || this.#http.destroyed;
  }

  /** Ends the session at once with all its streams. */
  end(fault: Error): void {
    this.#fault ??= fault;
    endSession(this.#http, this.#socket);
  }

  /** Opens a stream. Its errors are to be read as `this.faultOf(error)`. */
  request(headers: OutgoingHttpHeaders, hasBody: boolean): ClientHttp2Stream {
    if (this.isOver) throw this.#fault ?? new ChannelLost("the channel's session ended");
    if (this.#streams >= maxStreams)
      throw new TooManyCalls(`${maxStreams} calls to this sandbox are under way already`);
    const stream = this.#http.request(headers, { endStream: !hasBody });
    this.#streams++;
    // Whoever reads the stream looks at its errors; without a listener of its own an early one would be nobody's.
    stream.on("error", () => {});
    stream.on("close", () => {
      this.#streams--;
      if (!stream.readableEnded) this.#meter.excused(streamWindowBytes * 2);
    });
    return stream;
  }

  taken(bytes: number): void {
    this.#meter.taken(bytes);
  }

  /** Asks for a sign of life; a session without one is ended. */
  async checkAlive(timeoutMs: number): Promise<void> {
    if (this.isOver) return;
    const answered = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.end(new ChannelLost(`the agent was silent for ${timeoutMs} ms`));
        resolve();
      }, timeoutMs);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      if (!this.#http.ping(done)) done();
    });
    await answered;
  }

  /** What an error of one of the session's streams means. */
  faultOf(error: unknown): Error {
    return (
      this.#fault ?? (this.isOver ? new ChannelLost("the channel's session ended", { cause: error }) : faultOf(error))
    );
  }
}

/** Node reports what its HTTP/2 library found as codes; what a network can do wrong by itself counts as a lost channel. */
function faultOf(error: unknown): Error {
  if (error instanceof ChannelLost || error instanceof ProtocolBreak || error instanceof CallDropped) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "no code";
  if (lostCodes.has(code)) return new ChannelLost("the channel's session broke off", { cause: error });
  if (code === "ERR_HTTP2_STREAM_ERROR") return new CallDropped("the agent gave the call up", { cause: error });
  return new ProtocolBreak(`its HTTP/2 was broken (${code})`, { cause: error });
}

const lostCodes: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_HTTP2_SESSION_ERROR",
  "ERR_HTTP2_INVALID_SESSION",
  "ERR_HTTP2_GOAWAY_SESSION",
]);

/** One HTTP/2 connection to the agent: requests out, within bounds on all that comes back. */
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connectHttp2 } from "../lib/http2-sessions.js";
import { printable } from "../lib/printable.js";
import { requestInSpan } from "./call-span.js";
import { CallDropped, ChannelLost, ProtocolBreak, TooManyCalls } from "./fault.js";
import { checkLiving, endSession, maxSessionMemory, onceOver } from "./http2-socket.js";
import { type Allowance, type Meter, startMeter } from "./meter.js";

/** What may be on its way to us in each stream: a reader that is slow holds the guest back past this. */
export const streamWindowBytes = 1024 * 1024;
/** Streams of one guest at once; with the window, the most memory that its slow readers can cost. */
export const maxStreams = 256;
/** Connections to ports of one guest at once, besides. */
export const maxPortStreams = 1_000;
const allowance: Allowance = { burstBytes: 4 * 1024 * 1024, bytesPerSecond: 512 * 1024 };

export const hostileBounds = {
  maxHeaderListPairs: 64,
  maxSessionMemory,
  maxOutstandingPings: 4,
  maxDeflateDynamicTableSize: 4_096,
} as const;

/** What a stream is counted with: connections to ports, which may stay for ever, take nothing from calls. */
export type StreamKind = "call" | "port";

export interface SessionOptions {
  readonly streams?: number;
  readonly windowBytes?: number;
  /** How to have a line to the agent on which another process makes connections to ports. */
  readonly openPortLine?: (session: AgentSession) => Promise<Socket>;
}

export class AgentSession {
  /** Fulfils with what ended it. */
  readonly ended: Promise<Error>;
  readonly #http: ClientHttp2Session;
  readonly #socket: Duplex;
  readonly #meter: Meter;
  readonly #open: Record<StreamKind, number> = { call: 0, port: 0 };
  readonly #most: Readonly<Record<StreamKind, number>>;
  readonly #windowBytes: number;
  readonly #openPortLine: SessionOptions["openPortLine"];
  #fault: Error | undefined;

  constructor(socket: Duplex, options: SessionOptions = {}) {
    const { streams = maxStreams, windowBytes = streamWindowBytes } = options;
    this.#most = { call: streams, port: maxPortStreams };
    this.#windowBytes = windowBytes;
    this.#openPortLine = options.openPortLine;
    this.#socket = socket;
    this.#http = connectHttp2("http://agent", checkLiving(socket), {
      ...hostileBounds,
      maxReservedRemoteStreams: 0,
      peerMaxConcurrentStreams: streams + maxPortStreams,
      settings: {
        enablePush: false,
        initialWindowSize: windowBytes,
        maxHeaderListSize: 16_384,
        maxFrameSize: 65_536,
      },
    });
    this.#meter = startMeter(
      socket,
      allowance,
      () => this.streams * windowBytes * 2,
      (bytes) => this.end(new ProtocolBreak(`${bytes} bytes came that nothing had asked for`)),
    );
    this.ended = new Promise((resolve) => {
      this.#http.on("error", (error) => this.end(faultOf(error)));
      this.#http.on("goaway", (code, _last, reason) => this.end(farewell(code, reason)));
      onceOver(this.#http, socket, () => {
        this.#meter.stop();
        resolve(this.#fault ?? new ChannelLost("the channel's session ended"));
      });
    });
  }

  /** How many calls are under way. */
  get streams(): number {
    return this.#open.call + this.#open.port;
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
  request(headers: OutgoingHttpHeaders, hasBody: boolean, kind: StreamKind = "call"): ClientHttp2Stream {
    if (this.isOver) throw this.#fault ?? new ChannelLost("the channel's session ended");
    if (this.#open[kind] >= this.#most[kind]) throw new TooManyCalls(tooMany(kind, this.#most[kind]));
    const stream = requestInSpan(headers, (sent) => this.#http.request(sent, { endStream: !hasBody }));
    this.#open[kind]++;
    // Whoever reads the stream looks at its errors; without a listener of its own an early one would be nobody's.
    stream.on("error", () => {});
    // HTTP lets any number come before the answer, each of which costs many times the bytes that it is made of; an agent has none.
    stream.on("headers", () => this.end(new ProtocolBreak("it sent a head before the answer's")));
    stream.on("close", () => {
      this.#open[kind]--;
      if (!stream.readableEnded) this.#meter.excused(this.#windowBytes * 2);
    });
    return stream;
  }

  /** Unread; on it another process is the agent's client, for connections to ports alone. Ends with this session. */
  async openPortLine(): Promise<Socket> {
    if (this.#openPortLine === undefined || this.isOver)
      throw this.faultOf(new ChannelLost("there is no way to its ports"));
    return await this.#openPortLine(this);
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

function tooMany(kind: StreamKind, most: number): string {
  return `${most} ${kind === "port" ? "connections to ports of" : "calls to"} this sandbox are under way already`;
}

/** With it the relay says goodbye for an agent that broke the protocol; the rest of the frame is a sentence on how. */
export const breakCode = 0xa1c0e;

function farewell(code: number, reason?: Uint8Array): Error {
  if (code !== breakCode) return new ChannelLost("the agent said goodbye");
  return new ProtocolBreak(printable(Buffer.from(reason ?? []).toString()));
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

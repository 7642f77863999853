/**
 * The host direction of a sandbox's channel, one HTTP/2 connection with the agent as its client, each of its streams a connection of a
 * program. Everything on it is hostile and bounded: streams, their windows, headers, what comes besides what was asked for.
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { ChannelLost, ProtocolBreak } from "../../guest/fault.js";
import { checkLiving, endSession, onceOver } from "../../guest/http2-socket.js";
import { type Allowance, type Meter, startMeter } from "../../guest/meter.js";
import { hostileBounds } from "../../guest/session.js";
import { serveHttp2 } from "../../lib/http2-sessions.js";

/** What may be on its way in each stream; a server that does not take it holds the program back. */
const streamWindowBytes = 64 * 1024;
const maximumStreams = 1_024;
/** What comes besides bodies: heads of calls, and the windows of what we send, which a download at full speed has 300 KB of a second. */
const allowance: Allowance = { burstBytes: 1024 * 1024, bytesPerSecond: 512 * 1024 };

export type HandleCall = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export class ChannelServer {
  /** Fulfils with what ended it. */
  readonly ended: Promise<Error>;
  readonly #http: ServerHttp2Session;
  readonly #socket: Duplex;
  readonly #meter: Meter;
  #fault: Error | undefined;

  constructor(socket: Duplex, handle: HandleCall) {
    this.#socket = socket;
    this.#http = serveHttp2(checkLiving(socket), {
      ...hostileBounds,
      maxSessionInvalidFrames: 64,
      maxSessionRejectedStreams: maximumStreams,
      settings: {
        ...{ maxConcurrentStreams: maximumStreams, initialWindowSize: streamWindowBytes },
        ...{ maxHeaderListSize: 8_192, enablePush: false },
      },
    });
    this.#meter = startMeter(
      socket,
      allowance,
      () => 0,
      (bytes) => this.end(new ProtocolBreak(`${bytes} bytes came to the gateway that belong to nothing`)),
    );
    this.ended = new Promise((resolve) => {
      this.#http.on("error", (error) => this.end(new ProtocolBreak("its HTTP/2 was broken", { cause: error })));
      this.#http.on("stream", (stream, headers) => this.#take(stream, headers, handle));
      onceOver(this.#http, socket, () => {
        this.#meter.stop();
        resolve(this.#fault ?? new ChannelLost("the gateway's session ended"));
      });
    });
  }

  end(fault: Error): void {
    this.#fault ??= fault;
    endSession(this.#http, this.#socket);
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, handle: HandleCall): void {
    stream.on("error", () => {});
    countPushed(stream, (bytes) => this.#meter.taken(bytes));
    // What was on its way to a stream that is over belongs to nothing, and is no fault.
    stream.once("close", () => this.#meter.excused(stream.readableEnded ? 0 : streamWindowBytes));
    if (!stream.closed) handle(stream, headers);
  }
}

/** Whoever reads the stream, its bytes count as soon as they come: its window bounds them from then on. */
function countPushed(stream: ServerHttp2Stream, count: (bytes: number) => void): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    if (chunk !== null) count(chunk.length);
    return push(chunk, encoding);
  };
}

/** The daemon's line to one agent, an HTTP/2 connection of its own: each of its streams is a call that is made of the agent. */
import http2, { type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { serveHttp2 } from "../../lib/http2-sessions.js";
import { ProtocolBreak } from "../fault.js";
import { checkLiving, endSession, maxSessionMemory, onceOver } from "../http2-socket.js";
import { type AgentSession, breakCode, type StreamKind, streamWindowBytes } from "../session.js";
import { relayCall } from "./relay-call.js";

/** Who calls holds to its own bounds; this is no guest's. */
const maxConcurrentStreams = 1_024;
/** How long the daemon may take to hear of the end. */
const farewellMs = 1_000;

export class DaemonLine {
  /** Fulfils when the daemon has ended it, or is gone. */
  readonly ended: Promise<void>;
  readonly #http: ServerHttp2Session;
  readonly #socket: Socket;

  /** On one for ports, which another process may have, nothing else can be asked for. */
  constructor(socket: Socket, agent: AgentSession, kind: StreamKind) {
    this.#socket = socket;
    this.#http = serveHttp2(checkLiving(socket), {
      maxSessionMemory,
      settings: {
        enablePush: false,
        initialWindowSize: streamWindowBytes,
        maxConcurrentStreams,
        maxHeaderListSize: 65_536,
        maxFrameSize: 65_536,
      },
    });
    this.#http.on("error", () => {});
    this.#http.on("stream", (call, headers) => relayCall(agent, call, { headers, kind }));
    this.ended = new Promise((resolve) => onceOver(this.#http, socket, resolve));
  }

  /** Says why, then ends it: what was under way broke off. */
  end(fault: Error): void {
    if (this.#http.destroyed) return;
    const code = fault instanceof ProtocolBreak ? breakCode : http2.constants.NGHTTP2_NO_ERROR;
    this.#http.goaway(code, 0, Buffer.from(fault.message.slice(0, 1_000)));
    const timer = setTimeout(() => endSession(this.#http, this.#socket), farewellMs);
    void this.ended.then(() => clearTimeout(timer));
  }
}

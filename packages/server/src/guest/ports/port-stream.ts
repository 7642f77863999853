/** A connection to a port of the guest, as a stream: frames of the agent's in, bytes out, no more than the agent has taken (agent/PROTOCOL.md, Ports). */
import type { ClientHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import { giveUp, hasEnded, whenEnded } from "../answer.js";
import { CallDropped, ProtocolBreak } from "../fault.js";
import type { AgentSession } from "../session.js";
import { type PortFrame, PortFrames } from "./port-frames.js";

/** Under way to a program that has not taken it. */
const windowBytes = 64 * 1024;
const bufferBytes = 64 * 1024;

interface Waiting {
  readonly bytes: Buffer;
  readonly done: (error?: Error) => void;
}

export class PortStream extends Duplex {
  readonly #session: AgentSession;
  readonly #stream: ClientHttp2Stream;
  readonly #frames = new PortFrames();
  #underWayBytes = 0;
  #waiting: Waiting | undefined;
  #isEnded = false;

  /** Of a call whose head has come. */
  constructor(session: AgentSession, stream: ClientHttp2Stream) {
    super({ allowHalfOpen: true, highWaterMark: bufferBytes });
    this.#session = session;
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.once("error", (error) => this.destroy(session.faultOf(error)));
    whenEnded(stream, () => {
      if (!this.#isEnded) this.#breakOff();
    });
    const onClose = () => {
      if (!hasEnded(stream)) this.#breakOff();
    };
    if (stream.destroyed) onClose();
    else stream.once("close", onClose);
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#waiting = { bytes, done };
    this.#pump();
  }

  override _final(done: () => void): void {
    if (!this.#stream.destroyed) this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#waiting = undefined;
    // Where both directions have ended, the call ends by itself as soon as the agent has heard of it.
    if (error === null && this.#isEnded && this.writableFinished) this.#stream.resume();
    else giveUp(this.#stream);
    done(error);
  }

  #pump(): void {
    const { bytes, done } = this.#waiting ?? {};
    const room = windowBytes - this.#underWayBytes;
    if (bytes === undefined || done === undefined || room === 0 || this.#stream.destroyed) return;
    const piece = bytes.subarray(0, room);
    this.#underWayBytes += piece.length;
    this.#stream.write(piece);
    this.#waiting = piece.length === bytes.length ? undefined : { bytes: bytes.subarray(piece.length), done };
    if (this.#waiting === undefined) done();
  }

  #take(chunk: Buffer): void {
    this.#session.taken(chunk.length);
    try {
      for (const frame of this.#frames.read(chunk)) this.#act(frame);
    } catch (error) {
      if (error instanceof ProtocolBreak) this.#session.end(error);
      this.destroy(error as Error);
    }
  }

  #act(frame: PortFrame): void {
    if (this.destroyed) return;
    if (frame.kind === "taken") {
      if (frame.bytes > this.#underWayBytes) throw new ProtocolBreak("it took more of a connection than there was");
      this.#underWayBytes -= frame.bytes;
      this.#pump();
      return;
    }
    if (this.#isEnded) throw new ProtocolBreak("it went on after the end of a connection's direction");
    this.#isEnded = frame.kind === "end";
    if (!this.push(this.#isEnded ? null : (frame as { bytes: Buffer }).bytes) && !this.#isEnded) this.#stream.pause();
  }

  #breakOff(): void {
    if (!this.destroyed) this.destroy(this.#session.faultOf(new CallDropped("the program's connection broke off")));
  }
}

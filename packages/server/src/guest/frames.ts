/**
 * An exec's output as frames (agent/PROTOCOL.md), parsed as they come in. Output bytes are handed on as they lie in the chunk
 * that came, without a copy; a frame that spans chunks becomes several pieces with growing offsets.
 */
import { ProtocolBreak } from "./fault.js";
import type { ExecStatus, LogFrame } from "./guest.js";
import { parseJson } from "./json.js";
import { StatusAnswer } from "./shapes.js";

const maxOutputBytes = 65_536;
/** A status holds the exec's argv, which may be long. */
const maxStatusBytes = 8 * 1024 * 1024;
/** The last millisecond that a date in words can hold. */
const lastUnixMs = 253_402_300_799_999;
const headerBytes = 5;
const offsetBytes = 8;
const kinds = ["status", "stdout", "stderr", "end", "gap", "time", "interrupted"] as const;
type Kind = (typeof kinds)[number];

export class FrameParser {
  /** Where the next output byte belongs; before the first frame, where reading was asked to begin. */
  #offset: number;
  /** The first output may begin anywhere up to here: asked for more than there is, the agent begins at the end of what there is. */
  #firstBy: number;
  #begun = false;
  #ended = false;
  #kind: Kind | undefined;
  /** What is being collected: a frame's header, or a payload that is not output. */
  #part = Buffer.alloc(headerBytes);
  #filled = 0;
  /** Output bytes of the current frame that are still to come. */
  #remaining = 0;
  /** The same, once its offset is there. */
  #announced = 0;

  readonly #hasTimes: boolean;

  /** Frames `time` come only where they were asked for. */
  constructor(offset: number, { hasTimes = false }: { readonly hasTimes?: boolean } = {}) {
    this.#offset = offset;
    this.#firstBy = offset;
    this.#hasTimes = hasTimes;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get offset(): number {
    return this.#offset;
  }

  get begun(): boolean {
    return this.#begun;
  }

  *push(chunk: Buffer): Generator<LogFrame> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#ended) throw new ProtocolBreak("it sent output after an exec's end");
      if (this.#remaining > 0) {
        const bytes = chunk.subarray(at, at + this.#remaining);
        at += bytes.length;
        yield this.#output(bytes);
      } else {
        at += this.#collect(chunk, at);
        if (this.#filled < this.#part.length) return;
        const frame = this.#kind === undefined ? this.#header() : this.#payload(this.#kind);
        if (frame !== undefined) yield frame;
      }
    }
  }

  #output(bytes: Buffer): LogFrame {
    const frame = { kind: this.#kind as "stdout" | "stderr", offset: this.#offset, bytes };
    this.#offset += bytes.length;
    this.#remaining -= bytes.length;
    if (this.#remaining === 0) this.#expect(undefined, headerBytes);
    return frame;
  }

  #collect(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#part, this.#filled, at);
    this.#filled += copied;
    return copied;
  }

  /** A whole header of a frame, or of output with its offset, is there. */
  #header(): undefined {
    const kind = kinds[this.#part.readUInt8(0)];
    const length = this.#part.readUInt32BE(1);
    if (kind === undefined) throw new ProtocolBreak(`it sent a frame of kind ${this.#part.readUInt8(0)}`);
    if (length > (kind === "status" || kind === "end" ? maxStatusBytes : maxOutputBytes))
      throw new ProtocolBreak(`it sent a frame of ${length} bytes`);
    if (this.#begun === (kind === "status")) throw new ProtocolBreak(`it sent a frame ${kind} out of turn`);
    this.#expect(kind, this.#isOutput(kind) ? offsetBytes : length);
    if (this.#isOutput(kind)) {
      if (length <= offsetBytes) throw new ProtocolBreak(`it sent a frame ${kind} of ${length} bytes`);
      this.#announced = length - offsetBytes;
    } else if (kind === "time" && !(this.#hasTimes && length === 8))
      throw new ProtocolBreak(`it sent a time of ${length} bytes`);
    else if (length !== 16 && (kind === "gap" || kind === "interrupted"))
      throw new ProtocolBreak(`it sent a frame ${kind} of ${length} bytes`);
    else if (length === 0) throw new ProtocolBreak(`it sent an empty frame ${kind}`);
  }

  #payload(kind: Kind): LogFrame | undefined {
    if (kind === "stdout" || kind === "stderr") return this.#beginOutput();
    const payload = this.#part;
    this.#expect(undefined, headerBytes);
    if (kind === "gap") return this.#gap(payload);
    if (kind === "time") return { kind, unixMs: Number(payload.readBigInt64BE(0)) };
    if (kind === "interrupted") return interruption(payload);
    const status = parseJson(payload, StatusAnswer, `a frame ${kind}`);
    if (kind === "end") return this.#end(status);
    this.#begun = true;
    this.#offset = Math.min(this.#offset, status.stdoutBytes + status.stderrBytes);
    return { kind, status };
  }

  #beginOutput(): undefined {
    this.#continueAt(Number(this.#part.readBigUInt64BE(0)));
    this.#remaining = this.#announced;
  }

  #gap(payload: Buffer): LogFrame {
    const from = Number(payload.readBigUInt64BE(0));
    const to = Number(payload.readBigUInt64BE(offsetBytes));
    this.#continueAt(from);
    if (to <= from || !Number.isSafeInteger(to)) throw new ProtocolBreak(`it sent a gap from ${from} to ${to}`);
    this.#offset = to;
    return { kind: "gap", from, to };
  }

  #continueAt(offset: number): void {
    if (offset !== this.#offset && (offset < this.#offset || offset > this.#firstBy))
      throw new ProtocolBreak(`it sent output of offset ${offset} where ${this.#offset} is next`);
    this.#offset = offset;
    this.#firstBy = 0;
  }

  #end(status: ExecStatus): LogFrame {
    if (this.#firstBy > this.#offset) this.#offset = Math.min(this.#firstBy, status.stdoutBytes + status.stderrBytes);
    const total = status.stdoutBytes + status.stderrBytes;
    if (status.state !== "Exited" || status.exitCode === undefined)
      throw new ProtocolBreak("it sent an end without an exit code");
    if (total !== this.#offset) throw new ProtocolBreak(`it sent ${this.#offset} bytes of output and says ${total}`);
    this.#ended = true;
    return { kind: "end", status };
  }

  #expect(kind: Kind | undefined, bytes: number): void {
    this.#kind = kind;
    this.#part = Buffer.allocUnsafe(bytes);
    this.#filled = 0;
  }

  #isOutput(kind: Kind): boolean {
    return kind === "stdout" || kind === "stderr";
  }
}

function interruption(payload: Buffer): LogFrame {
  const stoppedAtUnixMs = Number(payload.readBigInt64BE(0));
  const resumedAtUnixMs = Number(payload.readBigInt64BE(8));
  if (!(stoppedAtUnixMs >= 0 && stoppedAtUnixMs <= resumedAtUnixMs && resumedAtUnixMs <= lastUnixMs))
    throw new ProtocolBreak(`it says that it stood still from ${stoppedAtUnixMs} to ${resumedAtUnixMs}`);
  return { kind: "interrupted", stoppedAtUnixMs, resumedAtUnixMs };
}

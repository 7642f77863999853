/** Bytes as they come, with asterisks in the place of what is not to be seen: as many, so that nothing that was said about the length is wrong. */
import { Transform, type TransformCallback } from "node:stream";
import type { Needles } from "./needles.js";

const asterisk = 0x2a;
/** After so much of nothing the sender is taken to wait for something. */
const usualQuietMs = 250;

export function redacted(data: Buffer, needles: Needles): Buffer {
  let masked = data;
  needles.find(data, (from, to) => {
    if (masked === data) masked = Buffer.from(data);
    masked.fill(asterisk, from, to);
  });
  return masked;
}

/**
 * Keeps back as many of the last bytes as the rest of a needle could follow, whatever they are: were it only those that a needle begins with, a
 * program could guess a value byte by byte by what comes at once and what does not. They are passed on when nothing comes for a while.
 */
export class Redaction extends Transform {
  readonly #needles: Needles;
  readonly #quietMs: number;
  /** The end of what came, as it came, and as it is passed on. */
  #plain: Buffer = Buffer.alloc(0);
  #masked: Buffer = Buffer.alloc(0);
  /** How many of these have been passed on. */
  #passed = 0;
  #quiet: NodeJS.Timeout | undefined;

  constructor(needles: Needles, { quietMs = usualQuietMs } = {}) {
    super();
    this.#needles = needles;
    this.#quietMs = quietMs;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const plain = Buffer.concat([this.#plain, chunk]);
    let masked = redacted(plain, this.#needles);
    const hidden = this.#masked.indexOf(asterisk) >= 0;
    if (hidden && masked === plain) masked = Buffer.from(plain);
    if (hidden) for (const [at, byte] of this.#masked.entries()) if (byte === asterisk) masked[at] = asterisk;
    const end = this.#needles.openEnd(plain);
    const passed = masked.subarray(this.#passed, Math.max(this.#passed, end));
    this.#plain = Buffer.from(plain.subarray(end));
    this.#masked = Buffer.from(masked.subarray(end));
    this.#passed = Math.max(0, this.#passed - end);
    this.#waitForMore();
    done(null, passed.length === 0 ? undefined : passed);
  }

  override _flush(done: TransformCallback): void {
    clearTimeout(this.#quiet);
    done(null, this.#masked.subarray(this.#passed));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#quiet);
    done(error);
  }

  /** A program that does not read is no sender that is quiet: it could have a value cut where it likes. */
  #waitForMore(wasRead = true): void {
    clearTimeout(this.#quiet);
    if (this.#passed === this.#plain.length) return;
    this.#quiet = setTimeout(() => {
      const isRead = this.readableLength === 0 && this.writableLength === 0;
      if (isRead && wasRead) this.#passOnAll();
      else this.#waitForMore(isRead);
    }, this.#quietMs);
  }

  #passOnAll(): void {
    const rest = this.#masked.subarray(this.#passed);
    this.#passed = this.#plain.length;
    this.push(rest);
  }
}

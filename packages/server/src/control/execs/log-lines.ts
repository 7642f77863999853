/** Output in pieces, made into lines: each stream has its own, so that what one leaves unfinished is not mixed with the other. */
import type { LogItem } from "./exec-control.js";

export type LogLine = Extract<LogItem, { stream: string }>;

export interface LogPiece {
  readonly stream: "stdout" | "stderr";
  readonly unixMs: number | undefined;
  readonly bytes: Uint8Array;
}

/** A line that is longer comes in parts. */
export const longestLineBytes = 16_384;
const lineFeed = 10;

export class LogLines {
  readonly #begun = new Map<LogPiece["stream"], LogPiece>();

  /** The lines that are whole with this piece. */
  *push({ stream, unixMs, bytes }: LogPiece): Generator<LogLine> {
    for (let at = 0; at < bytes.length; ) {
      const before = this.#begun.get(stream);
      const room = longestLineBytes - (before?.bytes.length ?? 0);
      const feed = bytes.indexOf(lineFeed, at);
      const end = feed < 0 ? bytes.length : feed + 1;
      const piece = bytes.subarray(at, Math.min(end, at + room));
      at += piece.length;
      const line = { stream, unixMs: before ? before.unixMs : unixMs, bytes: joined(before?.bytes, piece) };
      const isWhole = piece.at(-1) === lineFeed;
      if (isWhole || line.bytes.length >= longestLineBytes) {
        this.#begun.delete(stream);
        yield { ...line, isPartial: !isWhole };
      } else this.#begun.set(stream, line);
    }
  }

  /** What has no end yet. */
  *rest(): Generator<LogLine> {
    for (const line of this.#begun.values()) yield { ...line, isPartial: true };
    this.#begun.clear();
  }
}

/** A copy: what is kept must not hold on to the buffer that it came in. */
function joined(before: Uint8Array | undefined, piece: Uint8Array): Uint8Array {
  return Buffer.concat(before === undefined ? [piece] : [before, piece]);
}

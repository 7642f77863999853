/** The way out, as ssh has it: a tilde at the beginning of a line is not typed but waits for what comes next. */

export interface Typed {
  readonly bytes: Uint8Array;
  /** `~.` was typed: nothing behind it counts. */
  readonly leaves: boolean;
}

const tilde = 0x7e;
const dot = 0x2e;
const lineEnds: ReadonlySet<number> = new Set([10, 13]);

/** `~.` leaves, `~~` types one tilde; everything else is what it is. */
export function createEscapes(): (chunk: Uint8Array) => Typed {
  let isAtLineStart = true;
  let hasTilde = false;
  return (chunk) => {
    const bytes: number[] = [];
    for (const key of chunk) {
      if (hasTilde && key === dot) return { bytes: Uint8Array.from(bytes), leaves: true };
      if (!hasTilde && isAtLineStart && key === tilde) {
        hasTilde = true;
        continue;
      }
      if (hasTilde && key !== tilde) bytes.push(tilde);
      bytes.push(key);
      hasTilde = false;
      isAtLineStart = lineEnds.has(key);
    }
    return { bytes: Uint8Array.from(bytes), leaves: false };
  };
}

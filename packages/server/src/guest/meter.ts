/**
 * Watches what a guest sends besides answers. HTTP/2 lets a peer send any number of frames that ask for nothing and cost the
 * receiver time: pings, settings, resets, data for streams that are gone. They all show as bytes that came in and that no
 * caller took. Those have an allowance that refills with time; a guest that uses it up loses its session.
 */
import type { Duplex } from "node:stream";

export interface Allowance {
  /** Bytes that may come at once. */
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

const tickMs = 500;
/** HTTP/2's own headers are less than a sixteenth of all but tiny frames. */
const overheadShare = 1 / 16;

export interface Meter {
  /** A caller took bytes of an answer. */
  taken(bytes: number): void;
  /** Bytes that nobody will take may still come, because a caller went away. */
  excused(bytes: number): void;
  stop(): void;
}

/** `pendingBytes` answers how much may have come in that callers have not taken yet. */
export function startMeter(
  socket: Duplex & { readonly bytesRead?: number },
  allowance: Allowance,
  pendingBytes: () => number,
  onFlood: (unaskedBytes: number) => void,
): Meter {
  const began = socket.bytesRead ?? 0;
  let credit = allowance.burstBytes;
  let accounted = 0;
  const timer = setInterval(() => {
    const unasked = (socket.bytesRead ?? 0) - began - accounted;
    credit = Math.min(credit + (allowance.bytesPerSecond * tickMs) / 1_000, allowance.burstBytes);
    const beyondPending = unasked - pendingBytes();
    if (beyondPending > credit) return onFlood(beyondPending);
    if (beyondPending > 0) {
      accounted += beyondPending;
      credit -= beyondPending;
    }
  }, tickMs);
  timer.unref();
  return {
    taken: (bytes) => {
      accounted += bytes * (1 + overheadShare);
    },
    excused: (bytes) => {
      accounted += bytes;
    },
    stop: () => clearInterval(timer),
  };
}

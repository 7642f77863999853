/**
 * The clock that usage is counted by. It goes with the host's monotonic clock, so that setting the time of day neither
 * adds seconds to a bill nor takes any away; from time to time it is put right, and what lies between is nobody's.
 */
export interface Clocks {
  /** The time of day, milliseconds since 1970. */
  readonly wall: () => number;
  /** Milliseconds since the host started; the same for every process. */
  readonly monotonic: () => number;
  /** Does the work at this pace until the answer is called. */
  readonly every: (periodMs: number, work: () => void) => () => void;
}

export const hostClocks: Clocks = {
  wall: Date.now,
  monotonic: () => Number(process.hrtime.bigint() / 1_000_000n),
  every(periodMs, work) {
    const timer = setInterval(work, periodMs).unref();
    return () => clearInterval(timer);
  },
};

/** Off by less than this the time of day counts as right: clocks that are kept in step drift by milliseconds. */
const toleranceMs = 2_000;

export class UsageClock {
  readonly #clocks: Clocks;
  #at: number;
  #monotonicMs: number;

  /** Goes on from a point of an earlier daemon's clock; from that very moment on where the host was restarted since. */
  constructor(clocks: Clocks, from: { readonly at: number; readonly monotonicMs: number }) {
    this.#clocks = clocks;
    this.#monotonicMs = clocks.monotonic();
    this.#at = from.at + Math.max(0, this.#monotonicMs - from.monotonicMs);
  }

  now(): number {
    return this.#at + (this.#clocks.monotonic() - this.#monotonicMs);
  }

  get monotonicMs(): number {
    return this.#clocks.monotonic();
  }

  get isOff(): boolean {
    return Math.abs(this.#clocks.wall() - this.now()) > toleranceMs;
  }

  /** From now on it shows the time of day. */
  putRight(): void {
    this.#monotonicMs = this.#clocks.monotonic();
    this.#at = this.#clocks.wall();
  }
}

/** So many at once, and so many a minute after that. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #perMs: number;
  #tokens: number;
  #at: number;

  constructor({
    capacity,
    perMinute,
    now,
  }: { readonly capacity: number; readonly perMinute: number; readonly now: number }) {
    this.#capacity = capacity;
    this.#perMs = perMinute / 60_000;
    this.#tokens = capacity;
    this.#at = now;
  }

  /** Takes one: 0, or how many milliseconds until there is one, which then was not taken. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return wholeMs((1 - this.#tokens) / this.#perMs);
  }

  /** Whole ones that are left. */
  left(now: number): number {
    this.#fill(now);
    return Math.floor(this.#tokens);
  }

  /** How long until nothing is missing; then it is as a new one. */
  untilFull(now: number): number {
    this.#fill(now);
    return wholeMs((this.#capacity - this.#tokens) / this.#perMs);
  }

  /** A clock that was set back gives nothing. */
  #fill(now: number): void {
    if (now > this.#at) this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}

/** Rounded up, but for what is only the error of the arithmetic. */
function wholeMs(ms: number): number {
  return Math.max(0, Math.ceil(ms - 1e-6));
}

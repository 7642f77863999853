/** Counts a guest's breaks of the protocol: one that breaks it again and again is not talked to for a while. */

const maximum = 5;
const rememberedMs = 60_000;
const penaltyMs = 30_000;

export class Strikes {
  readonly #now: () => number;
  #moments: number[] = [];
  #last: Error | undefined;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(fault: Error): void {
    this.#last = fault;
    this.#moments = [...this.#moments.filter((moment) => moment > this.#now() - rememberedMs), this.#now()];
  }

  /** What it did last, while it is not talked to. */
  get penalty(): Error | undefined {
    return this.remainingMs > 0 ? this.#last : undefined;
  }

  get remainingMs(): number {
    const latest = this.#moments.at(-1);
    if (latest === undefined || this.#moments.length < maximum) return 0;
    return Math.max(0, latest + penaltyMs - this.#now());
  }
}

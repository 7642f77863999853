/**
 * Who makes a worker end that many share. Each end leaves those who were served then and at the ends before it; half of them are served by a
 * process apart from then on, so that the next end leaves fewer. Who was alone at an end is to blame: it is refused for a while, longer each
 * time, and served apart afterwards. Only being alone counts, since who is many could make it look like a neighbour.
 */
export interface SuspicionPace {
  /** After so long without an end nobody is suspected any more. */
  readonly forgetAfterMs: number;
  readonly firstRefusalMs: number;
  /** Refusals double up to this. */
  readonly lastRefusalMs: number;
}

export interface Blame {
  readonly id: string;
  readonly refusedForMs: number;
}

export const usualSuspicion: SuspicionPace = {
  forgetAfterMs: 600_000,
  firstRefusalMs: 30_000,
  lastRefusalMs: 3_600_000,
};

/** A process ends for other reasons too: the host's memory, an administrator. */
const endsToBlame = 3;
const endsToPart = 2;
const maximumBlamed = 1_000;

interface Blamed {
  readonly refusals: number;
  readonly until: number;
}

export class Suspects {
  readonly #pace: SuspicionPace;
  #left: readonly string[] = [];
  #apart = new Set<string>();
  #ends = 0;
  #lastEnd = Number.NEGATIVE_INFINITY;
  readonly #blamed = new Map<string, Blamed>();

  constructor(pace: SuspicionPace = usualSuspicion) {
    this.#pace = pace;
  }

  /** A worker ended by itself while it served these. Answers who is refused for it. */
  ended(served: readonly string[], now: number): readonly Blame[] {
    this.#forget(now);
    const again = served.filter((id) => this.#blamed.has(id));
    if (again.length > 0) return again.map((id) => this.#blame(id, now));
    if (served.length === 0) return [];
    this.#lastEnd = now;
    const left = this.#left.filter((id) => served.includes(id));
    this.#ends = left.length > 0 ? this.#ends + 1 : 1;
    this.#left = left.length > 0 ? left : served;
    const [only] = served;
    if (served.length === 1 && only !== undefined && this.#ends >= endsToBlame) return [this.#blame(only, now)];
    this.#part();
    return [];
  }

  /** Whether it is to be served by the process apart. */
  isApart(id: string, now: number): boolean {
    this.#forget(now);
    return this.#apart.has(id) || this.#blamed.has(id);
  }

  /** 0 where it is served. */
  refusedForMs(id: string, now: number): number {
    return Math.max(0, (this.#blamed.get(id)?.until ?? 0) - now);
  }

  /** Of those that are apart only since it is not known yet which of them it is. */
  get apart(): readonly string[] {
    return [...this.#apart];
  }

  #part(): void {
    const half = this.#ends < endsToPart ? 0 : Math.ceil(this.#left.length / 2);
    this.#apart = new Set(this.#left.slice(0, half));
  }

  #blame(id: string, now: number): Blame {
    const refusals = (this.#blamed.get(id)?.refusals ?? 0) + 1;
    const { firstRefusalMs, lastRefusalMs } = this.#pace;
    const refusedForMs = Math.min(firstRefusalMs * 2 ** (refusals - 1), lastRefusalMs);
    this.#blamed.delete(id);
    this.#blamed.set(id, { refusals, until: now + refusedForMs });
    const [oldest] = this.#blamed.keys();
    if (this.#blamed.size > maximumBlamed && oldest !== undefined) this.#blamed.delete(oldest);
    if (this.#left.includes(id)) this.#acquitAll();
    return { id, refusedForMs };
  }

  #forget(now: number): void {
    const { forgetAfterMs } = this.#pace;
    if (now - this.#lastEnd > forgetAfterMs) this.#acquitAll();
    for (const [id, { until }] of this.#blamed) if (now - until > forgetAfterMs) this.#blamed.delete(id);
  }

  #acquitAll(): void {
    this.#left = [];
    this.#apart.clear();
    this.#ends = 0;
  }
}

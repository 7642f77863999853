/** Among those whom one worker serves: each end leaves those who were served then and at the ends before it; half of them are served apart then. */
export class Narrowing {
  #left: readonly string[] = [];
  #apart = new Set<string>();
  #ends = 0;
  #lastEnd = Number.NEGATIVE_INFINITY;

  /** A worker ended while it served these. Answers at how many ends in a row those were there who are left. */
  ended(served: readonly string[], now: number): number {
    if (served.length === 0) return this.#ends;
    this.#lastEnd = now;
    const left = this.#left.filter((id) => served.includes(id));
    this.#ends = left.length > 0 ? this.#ends + 1 : 1;
    this.#left = left.length > 0 ? left : served;
    const half = this.#ends < endsToPart ? 0 : Math.ceil(this.#left.length / 2);
    this.#apart = new Set(this.#left.slice(0, half));
    return this.#ends;
  }

  get apart(): ReadonlySet<string> {
    return this.#apart;
  }

  /** It is known who it was: nobody else is suspected. */
  found(id: string): void {
    if (this.#left.includes(id)) this.#acquitAll();
  }

  forget(before: number): void {
    if (this.#lastEnd < before) this.#acquitAll();
  }

  #acquitAll(): void {
    this.#left = [];
    this.#apart = new Set();
    this.#ends = 0;
  }
}

const endsToPart = 2;

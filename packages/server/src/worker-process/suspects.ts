/**
 * Who makes a worker end that many share. Each end leaves fewer (narrowing.ts). Who was alone at an end is to blame: it is refused for a
 * while, longer each time, and served by another process afterwards. Only being alone counts, since who is many could make it look like a
 * neighbour; also among those who were blamed before, who are narrowed down as the others are, and never served with them.
 */
import { Narrowing } from "./narrowing.js";

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
const maximumBlamed = 1_000;

/** Which process serves a sandbox. The second of each two is for those who are suspected among the first's. */
export type Place = "common" | "suspects" | "blamed" | "blamed suspects";

interface Blamed {
  readonly refusals: number;
  readonly until: number;
}

export class Suspects {
  readonly #pace: SuspicionPace;
  readonly #unblamed = new Narrowing();
  readonly #again = new Narrowing();
  readonly #blamed = new Map<string, Blamed>();

  constructor(pace: SuspicionPace = usualSuspicion) {
    this.#pace = pace;
  }

  /** The worker of a place ended by itself while it served these. Answers who is refused for it. */
  ended(place: Place, served: readonly string[], now: number): Blame | undefined {
    this.#forget(now);
    const isOfBlamed = place === "blamed" || place === "blamed suspects";
    const ends = (isOfBlamed ? this.#again : this.#unblamed).ended(served, now);
    const [only] = served;
    if (only === undefined || served.length > 1) return undefined;
    return ends >= endsToBlame || this.#blamed.has(only) ? this.#blame(only, now) : undefined;
  }

  placeOf(id: string, now: number): Place {
    this.#forget(now);
    if (this.#blamed.has(id)) return this.#again.apart.has(id) ? "blamed suspects" : "blamed";
    return this.#unblamed.apart.has(id) ? "suspects" : "common";
  }

  /** 0 where it is served. */
  refusedForMs(id: string, now: number): number {
    return Math.max(0, (this.#blamed.get(id)?.until ?? 0) - now);
  }

  /** Those that are apart since it is not known yet which of them it is. */
  get apart(): readonly string[] {
    return [...this.#unblamed.apart, ...this.#again.apart];
  }

  #blame(id: string, now: number): Blame {
    const refusals = (this.#blamed.get(id)?.refusals ?? 0) + 1;
    const { firstRefusalMs, lastRefusalMs } = this.#pace;
    const refusedForMs = Math.min(firstRefusalMs * 2 ** (refusals - 1), lastRefusalMs);
    this.#blamed.delete(id);
    this.#blamed.set(id, { refusals, until: now + refusedForMs });
    const [oldest] = this.#blamed.keys();
    if (this.#blamed.size > maximumBlamed && oldest !== undefined) this.#blamed.delete(oldest);
    this.#unblamed.found(id);
    this.#again.found(id);
    return { id, refusedForMs };
  }

  #forget(now: number): void {
    const before = now - this.#pace.forgetAfterMs;
    for (const narrowing of [this.#unblamed, this.#again]) narrowing.forget(before);
    for (const [id, { until }] of this.#blamed) if (until < before) this.#blamed.delete(id);
  }
}

/** The queue of creations: each waits here until the host has memory and cores for it (lifecycle/capacity.ts decides). */
import { AlcoveError } from "@alcove/contract";
import { Backoff } from "../lib/backoff.js";
import { type Demand, type Limits, type Load, neverFits, waitsFor } from "../lifecycle/capacity.js";

export interface AdmissionOptions {
  readonly limits: Limits;
  readonly availableMemoryMiB: () => number;
  /** How long a creation may wait. */
  readonly timeoutMs: number;
}

/** More creations than this are not under way at once, whatever they wait for; they are refused. */
const mostCreating = 512;
/** The host's free memory changes without telling anybody; while somebody waits it is looked at in this pace. */
const lookPace = { firstMs: 250, lastMs: 2_000 };

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #claims = new Map<string, Claim>();
  readonly #queue: Waiting[] = [];
  #isWatching = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get committedMiB(): number {
    return this.#load().committedMiB;
  }

  /** Refuses at once what can never start, and everything while too many are `creating`, in the queue or on the way to it. */
  check(demand: Demand, creating: number): void {
    const refusal = neverFits(demand, this.#options.limits);
    if (refusal) throw new AlcoveError("CapacityExceeded", refusal.sentence, { field: refusal.field });
    if (creating < mostCreating) return;
    throw new AlcoveError("TooManyRequests", `${creating} sandboxes are being created already.`);
  }

  /** Waits for its turn, and counts as starting from then on. */
  enter(id: string, demand: Demand, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (settle: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#drop(waiting);
        settle();
      };
      const abort = () => leave(() => reject(signal.reason));
      const expire = () => leave(() => reject(this.#waitedTooLong(demand)));
      const waiting = { id, demand, admit: () => leave(resolve) };
      const timer = setTimeout(expire, this.#options.timeoutMs);
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.push(waiting);
      this.#pump();
    });
  }

  /** It runs, by start or by adoption. */
  started(id: string, demand: Demand): void {
    this.#claims.set(id, { memoryMiB: demand.memoryMiB, isStarting: false });
    this.#pump();
  }

  /** It is gone, or will never run. */
  release(id: string): void {
    if (this.#claims.delete(id)) this.#pump();
  }

  #pump(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (waitsFor(first.demand, this.#load(), this.#options.limits) !== undefined) break;
      this.#claims.set(first.id, { memoryMiB: first.demand.memoryMiB, isStarting: true });
      first.admit();
    }
    if (this.#queue.length > 0 && !this.#isWatching) void this.#watch();
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    const backoff = new Backoff(lookPace);
    while (this.#queue.length > 0) {
      await backoff.wait(never);
      this.#pump();
    }
    this.#isWatching = false;
  }

  #drop(waiting: Waiting): void {
    const position = this.#queue.indexOf(waiting);
    if (position < 0) return;
    this.#queue.splice(position, 1);
    if (position === 0) queueMicrotask(() => this.#pump());
  }

  #waitedTooLong(demand: Demand): AlcoveError {
    const reason = waitsFor(demand, this.#load(), this.#options.limits) ?? "others were before it in the queue";
    const seconds = Math.round(this.#options.timeoutMs / 1_000);
    return new AlcoveError("CapacityExceeded", `The host had no room for this sandbox within ${seconds} s: ${reason}.`);
  }

  #load(): Load {
    const claims = [...this.#claims.values()];
    const starting = claims.filter(({ isStarting }) => isStarting);
    return {
      committedMiB: sum(claims),
      startingMiB: sum(starting),
      starting: starting.length,
      availableMiB: this.#options.availableMemoryMiB(),
    };
  }
}

interface Claim {
  readonly memoryMiB: number;
  readonly isStarting: boolean;
}

interface Waiting {
  readonly id: string;
  readonly demand: Demand;
  readonly admit: () => void;
}

const never = new AbortController().signal;

function sum(claims: readonly Claim[]): number {
  return claims.reduce((total, { memoryMiB }) => total + memoryMiB, 0);
}

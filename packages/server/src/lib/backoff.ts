/** Waiting, in one place: everything else waits for facts through these. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Pace {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Delays that double from `firstMs` up to `lastMs`, each shortened by up to a fifth so that many waiters spread out. */
export class Backoff {
  readonly #pace: Pace;
  #nextMs: number;

  constructor(pace: Pace) {
    this.#pace = pace;
    this.#nextMs = pace.firstMs;
  }

  /** Waits the next delay; rejects with the signal's reason when it aborts first. */
  async wait(signal: AbortSignal): Promise<void> {
    const delayMs = this.#nextMs * (0.8 + Math.random() * 0.2);
    this.#nextMs = Math.min(this.#nextMs * 2, this.#pace.lastMs);
    await pause(delayMs, signal);
  }

  reset(): void {
    this.#nextMs = this.#pace.firstMs;
  }
}

/** Waits until `fact` answers something other than undefined, asking again at the pace. */
export async function waitFor<T>(
  fact: () => T | undefined | Promise<T | undefined>,
  signal: AbortSignal,
  pace: Pace = { firstMs: 5, lastMs: 200 },
): Promise<T> {
  const backoff = new Backoff(pace);
  for (;;) {
    signal.throwIfAborted();
    const answer = await fact();
    if (answer !== undefined) return answer;
    await backoff.wait(signal);
  }
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

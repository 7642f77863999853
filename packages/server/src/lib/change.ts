/** Tells whoever waits that something has changed; what, they look up. */
export class Change {
  #waiters = new Set<() => void>();

  announce(): void {
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const waiter of waiters) waiter();
  }

  /** Waits for the next announcement; rejects with the signal's reason when it aborts first. */
  wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#waiters.delete(settle);
        reject(signal?.reason);
      };
      if (signal?.aborted) return reject(signal.reason);
      this.#waiters.add(settle);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Waits until the condition holds; it is looked at anew after each announcement. */
  async until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!condition()) await this.wait(signal);
  }
}

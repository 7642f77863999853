/** What concerns the same thing happens one after the other, in the order of asking. */
import { Semaphore } from "./semaphore.js";

export class KeyedTurns {
  readonly #places = new Map<string, { readonly semaphore: Semaphore; users: number }>();

  async take<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const place = this.#places.get(key) ?? { semaphore: new Semaphore(1), users: 0 };
    this.#places.set(key, place);
    place.users += 1;
    try {
      return await place.semaphore.take(signal, work);
    } finally {
      place.users -= 1;
      if (place.users === 0) this.#places.delete(key);
    }
  }
}

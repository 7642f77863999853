/** The progress of work that several may follow: who comes later is told first how far it is. */
import type { PrepareOptions } from "../../engine.js";

type Listener = NonNullable<PrepareOptions["onProgress"]>;

export class SharedProgress {
  readonly #works = new Map<string, Work>();

  /** For as long as anybody follows the work, with a listener or without; `tell` is for who does it. */
  follow(key: string, listener: Listener | undefined): { readonly tell: Listener; readonly leave: () => void } {
    const work = this.#works.get(key) ?? { followers: new Set<Follower>() };
    this.#works.set(key, work);
    const follower = { listener };
    work.followers.add(follower);
    if (work.last !== undefined) listener?.(...work.last);
    return {
      tell: (...progress) => {
        work.last = progress;
        for (const { listener } of work.followers) listener?.(...progress);
      },
      leave: () => {
        work.followers.delete(follower);
        if (work.followers.size === 0 && this.#works.get(key) === work) this.#works.delete(key);
      },
    };
  }
}

interface Follower {
  readonly listener: Listener | undefined;
}

interface Work {
  readonly followers: Set<Follower>;
  last?: Parameters<Listener>;
}

/**
 * Work that several callers want at once is done once. It is aborted when the last caller who waits for it has given up;
 * each caller's own signal ends only its own waiting.
 */
export class SharedWork<Key, Result> {
  readonly #running = new Map<Key, Running<Result>>();

  async run(key: Key, work: (signal: AbortSignal) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, work);
    running.callers++;
    try {
      return await unlessAborted(running.result, signal);
    } finally {
      running.callers--;
      if (running.callers === 0) this.#abandon(key, running);
    }
  }

  #begin(key: Key, work: (signal: AbortSignal) => Promise<Result>): Running<Result> {
    const controller = new AbortController();
    const running = { callers: 0, controller, result: work(controller.signal) };
    this.#running.set(key, running);
    const forget = () => this.#forget(key, running);
    running.result.then(forget, forget);
    return running;
  }

  #abandon(key: Key, running: Running<Result>): void {
    this.#forget(key, running);
    running.controller.abort(new DOMException("nobody waits for it any more", "AbortError"));
  }

  #forget(key: Key, running: Running<Result>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}

interface Running<Result> {
  callers: number;
  readonly controller: AbortController;
  readonly result: Promise<Result>;
}

async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    if (abort !== undefined) signal.removeEventListener("abort", abort);
  }
}

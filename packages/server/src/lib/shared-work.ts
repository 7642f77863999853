/**
 * Work that several callers want at once is done once. Each caller's own signal ends only its own waiting; when the last one
 * has given up the work is aborted, that caller waits until it is undone, and whoever comes meanwhile begins after that.
 */
import { untilAborted } from "./until-aborted.js";

export class SharedWork<Key, Result> {
  readonly #running = new Map<Key, Running<Result>>();

  async run(key: Key, work: (signal: AbortSignal) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#begin(key, work);
    if (running.controller.signal.aborted) {
      await untilAborted(running.settled, signal);
      return this.run(key, work, signal);
    }
    running.callers++;
    try {
      return await untilAborted(running.result, signal);
    } finally {
      running.callers--;
      if (running.callers === 0) await abandon(running);
    }
  }

  #begin(key: Key, work: (signal: AbortSignal) => Promise<Result>): Running<Result> {
    const controller = new AbortController();
    const result = work(controller.signal);
    const forget = () => void this.#running.delete(key);
    const running = { callers: 0, controller, result, settled: result.then(forget, forget) };
    this.#running.set(key, running);
    return running;
  }
}

/** Of no effect on work that has ended. */
async function abandon(running: Running<unknown>): Promise<void> {
  running.controller.abort(new DOMException("nobody waits for it any more", "AbortError"));
  await running.settled;
}

interface Running<Result> {
  callers: number;
  readonly controller: AbortController;
  readonly result: Promise<Result>;
  /** Fulfils when nothing of it is under way any more, however it ended. */
  readonly settled: Promise<void>;
}

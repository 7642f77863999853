/** One build with any number of callers. A caller's abort takes only that caller away; the last one's ends the build. */
export class SharedBuild {
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #callers = 0;

  constructor(build: (signal: AbortSignal) => Promise<void>) {
    this.#done = build(this.#abort.signal);
    this.#done.catch(() => undefined);
  }

  /** Nobody wants it any more; it is being undone. */
  get isAbandoned(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Fulfils or rejects with the build, whoever waits. */
  get settled(): Promise<void> {
    return this.#done.catch(() => undefined);
  }

  async join(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#callers += 1;
    const left = leaving(signal);
    try {
      await Promise.race([this.#done, left.promise]);
    } catch (error) {
      if (signal.aborted && this.#callers === 1) await this.#end(signal);
      throw error;
    } finally {
      left.stop();
      this.#callers -= 1;
    }
  }

  /** The last caller waits until everything is undone. */
  async #end(signal: AbortSignal): Promise<void> {
    this.#abort.abort(signal.reason);
    await this.settled;
  }
}

function leaving(signal: AbortSignal): { readonly promise: Promise<never>; readonly stop: () => void } {
  const { promise, reject } = withReject();
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  return { promise, stop: () => signal.removeEventListener("abort", leave) };
}

function withReject(): { readonly promise: Promise<never>; readonly reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  return { promise, reject };
}

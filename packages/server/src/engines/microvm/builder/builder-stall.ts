/**
 * Tells a guest that takes nothing from a source that gives nothing: a layer may come from far away and slowly, and its guest may be
 * slow too, but one that stands still with bytes to take is given up.
 */

const stallMs = 120_000;

export class StallGuard implements Disposable {
  readonly #controller = new AbortController();
  readonly #parents: readonly AbortSignal[];
  readonly #stalled: (seconds: number) => Promise<Error>;
  readonly #patienceMs: number;
  #timer: NodeJS.Timeout | undefined;

  /** `stalled` is asked for the reason when it comes to that. */
  constructor(
    parents: readonly AbortSignal[],
    stalled: (seconds: number) => Promise<Error>,
    patienceMs: number = stallMs,
  ) {
    this.#parents = parents;
    this.#stalled = stalled;
    this.#patienceMs = patienceMs;
    for (const parent of parents) {
      if (parent.aborted) this.#follow(parent);
      else parent.addEventListener("abort", this.#onAbort, { once: true });
    }
    this.#wait();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The guest is waited for from each piece until the next is asked for, and from the last until this is disposed of. */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    clearTimeout(this.#timer);
    for await (const piece of source) {
      this.#wait();
      yield piece;
      clearTimeout(this.#timer);
    }
    this.#wait();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const parent of this.#parents) parent.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (event: Event): void => this.#follow(event.target as AbortSignal);

  #follow(parent: AbortSignal): void {
    this.#controller.abort(parent.reason);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#giveUp(), this.#patienceMs);
  }

  async #giveUp(): Promise<void> {
    const seconds = this.#patienceMs / 1_000;
    this.#controller.abort(await this.#stalled(seconds).catch((error: unknown) => error));
  }
}

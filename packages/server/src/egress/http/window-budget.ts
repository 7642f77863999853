/**
 * What all connections to servers of one sandbox may have on its way beyond the window that each of their streams has anyway. Nobody gets more
 * than half of what is left, so that there is something left for the next one.
 */
export class WindowBudget {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Whether it could be had; then it is to be given back. */
  take(bytes: number): boolean {
    if (bytes > this.#freeBytes / 2) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#freeBytes += bytes;
  }
}

/**
 * How much a server may have on its way in each stream of one HTTP/2 connection: a window's worth a round trip. It begins narrow, and becomes wider where
 * programs take what comes as fast as it comes, out of the sandbox's budget. It never becomes narrower, since a server need not heed that: a connection
 * whose width cannot be had for one stream more takes no more.
 */
import type { WindowBudget } from "./window-budget.js";

/** Each stream has it, whatever else is open: of 1,024 requests 64 MiB. */
export const narrowBytes = 64 * 1024;
const widestBytes = 4 * 1024 * 1024;
const widening = 4;

export class StreamWindows {
  readonly #budget: WindowBudget;
  readonly #widen: (bytes: number) => void;
  #bytes = narrowBytes;
  #streams = 0;
  #takenBytes = 0;

  /** `widen` tells the server. */
  constructor(budget: WindowBudget, widen: (bytes: number) => void) {
    this.#budget = budget;
    this.#widen = widen;
  }

  /** Whether one stream more could have this width. */
  get hasRoom(): boolean {
    return this.#beyond * 2 <= this.#budget.freeBytes;
  }

  /** For a stream that begins; answers what is to be called when it is over, or undefined where there is no room. */
  enter(): (() => void) | undefined {
    if (!this.#budget.take(this.#beyond)) return undefined;
    this.#streams++;
    return () => {
      this.#streams--;
      this.#budget.giveBack(this.#beyond);
    };
  }

  /** Of what came, this was taken on; `waitingBytes` came and was not. */
  taken(bytes: number, waitingBytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < this.#bytes || waitingBytes > this.#bytes / 2) return;
    this.#takenBytes = 0;
    const wider = Math.min(this.#bytes * widening, widestBytes);
    if (wider === this.#bytes || !this.#budget.take((wider - this.#bytes) * this.#streams)) return;
    this.#bytes = wider;
    this.#widen(wider);
  }

  get #beyond(): number {
    return this.#bytes - narrowBytes;
  }
}

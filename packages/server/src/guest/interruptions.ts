/** Whoever begins to follow an exec again at an offset is told again of the interruptions there. */
import type { LogFrame } from "./guest.js";

/** As many as the agent keeps. */
const maxInterruptions = 64;

export class Interruptions {
  readonly #seen = new Set<string>();

  hasSeen(frame: LogFrame): boolean {
    if (frame.kind !== "interrupted") {
      this.#seen.clear();
      return false;
    }
    const name = `${frame.stoppedAtUnixMs} ${frame.resumedAtUnixMs}`;
    const isKnown = this.#seen.has(name);
    if (this.#seen.size < maxInterruptions) this.#seen.add(name);
    return isKnown;
  }
}

/**
 * Tells guests one thing: one time after the other for each guest, so that the last that it hears is the newest. One that did not hear is told again, less and
 * less often, until it has heard or is gone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import { KeyedTurns } from "../../lib/keyed-turns.js";

export interface GuestTellingOptions {
  /** Looks up what is to be said when its turn comes, and says it; throws where the guest did not hear. With nobody there, or nothing to say, it is done. */
  readonly say: (id: string, signal: AbortSignal) => Promise<void>;
  /** For the log, once for each guest that did not hear. */
  readonly failure: string;
  readonly logger: Pick<Logger, "warn">;
}

/** A guest that does not answer keeps nobody from closing it off. */
const answerTimeoutMs = 3_000;
const firstRetryMs = 1_000;
const lastRetryMs = 300_000;

export class GuestTelling {
  readonly #options: GuestTellingOptions;
  readonly #turns = new KeyedTurns();
  /** Those that are told again later. */
  readonly #retries = new Set<string>();

  constructor(options: GuestTellingOptions) {
    this.#options = options;
  }

  /** Fulfils when it has heard, or did not answer; never rejects. */
  async tell(id: string): Promise<void> {
    if (!(await this.#try(id)) && !this.#retries.has(id)) void this.#retry(id);
  }

  async #retry(id: string): Promise<void> {
    this.#retries.add(id);
    for (let delayMs = firstRetryMs; ; delayMs = Math.min(2 * delayMs, lastRetryMs)) {
      await sleep(delayMs, undefined, { ref: false });
      if (await this.#try(id)) break;
    }
    this.#retries.delete(id);
  }

  /** Whether there is no more to be said. */
  async #try(id: string): Promise<boolean> {
    const { say, failure, logger } = this.#options;
    try {
      // One that waits behind another has its own time for the guest's answer.
      await this.#turns.take(id, AbortSignal.timeout(2 * answerTimeoutMs), () =>
        say(id, AbortSignal.timeout(answerTimeoutMs)),
      );
      return true;
    } catch (error) {
      // An agent from before there was such a call, in a snapshot.
      if (error instanceof AlcoveError && error.code === "InvalidRequest") return true;
      if (!this.#retries.has(id)) logger.warn({ sandbox: id, err: error }, failure);
      return false;
    }
  }
}

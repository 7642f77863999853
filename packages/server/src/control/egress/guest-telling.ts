/**
 * Tells guests one thing: one time after the other for each guest, so that the last that it hears is the newest. One that did not hear is told again, less and
 * less often, until it has heard or is gone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import type { Machine } from "../../engines/engine.js";
import { KeyedTurns } from "../../lib/keyed-turns.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Store } from "../../store/store.js";
import type { Machines } from "../sandboxes/machines.js";

/** A sandbox that runs, as it is on record when its turn comes. */
export interface Listener {
  readonly record: SandboxRecord;
  readonly machine: Machine;
}

export interface GuestTellingOptions {
  readonly store: Pick<Store, "sandboxes">;
  readonly machines: Machines;
  /** Looks up what is to be said, and says it; throws where the guest did not hear. With nobody there it is not called; with nothing to say it is done. */
  readonly say: (to: Listener, signal: AbortSignal) => Promise<void>;
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
    const { failure, logger } = this.#options;
    try {
      // One that waits behind another has its own time for the guest's answer.
      await this.#turns.take(id, AbortSignal.timeout(2 * answerTimeoutMs), () =>
        this.#say(id, AbortSignal.timeout(answerTimeoutMs)),
      );
      return true;
    } catch (error) {
      // An agent from before there was such a call, in a snapshot.
      if (error instanceof AlcoveError && error.code === "InvalidRequest") return true;
      if (!this.#retries.has(id)) logger.warn({ sandbox: id, err: error }, failure);
      return false;
    }
  }

  async #say(id: string, signal: AbortSignal): Promise<void> {
    const { store, machines, say } = this.#options;
    const running = machines.find(id);
    const record = store.sandboxes.find(id);
    if (record === undefined || running === undefined || running.isStopping) return;
    await say({ record, machine: running.machine }, signal);
  }
}

/**
 * Keeps the accounts of what sandboxes use. Changes are written in the transaction of the sandbox's own change. Once a
 * minute one row says that a daemon was there to see: after a crash, what was lost meanwhile counts up to that moment and
 * not beyond, what is adopted has run all the while.
 */
import type { Logger } from "pino";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Store } from "../../store/store.js";
import { hourMs } from "../../store/usage.js";
import { type Clocks, UsageClock } from "./usage-clock.js";

const tickMs = 60_000;

export interface UsageOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly clocks: Clocks;
  readonly keptDays: number;
}

export class UsageAccounts {
  readonly #options: UsageOptions;
  readonly #clock: UsageClock;
  #lastSeen: number;
  #stopTicking: (() => void) | undefined;

  constructor(options: UsageOptions) {
    this.#options = options;
    const { clocks, store } = options;
    const [at, monotonicMs] = [clocks.wall(), clocks.monotonic()];
    const record = store.usage.clock() ?? { settledTo: at, seenAt: at, seenMonotonicMs: monotonicMs };
    this.#lastSeen = record.seenAt;
    this.#clock = new UsageClock(clocks, { at: record.seenAt, monotonicMs: record.seenMonotonicMs });
    if (store.usage.clock() === undefined) store.usage.see(record);
  }

  now(): number {
    return this.#clock.now();
  }

  /** The last moment that is known to have been seen: at first by the daemon before this one. */
  get lastSeen(): number {
    return this.#lastSeen;
  }

  get settledTo(): number {
    return this.#options.store.usage.clock()?.settledTo ?? this.now();
  }

  opened({ id, group, labels, size, state }: SandboxRecord): void {
    this.#options.store.usage.open({ sandboxId: id, group, labels, size, runs: runs({ state }) }, this.now());
  }

  /** Where only its labels changed, `before` has other labels. */
  changed(before: SandboxRecord, after: SandboxRecord, at = this.now()): void {
    const { usage } = this.#options.store;
    if (runs(before) !== runs(after)) usage.change(after.id, { runs: runs(after) }, at);
    if (before.labels !== after.labels) usage.change(after.id, { labels: after.labels }, at);
  }

  removed(id: string): void {
    this.#options.store.usage.close(id, this.now());
  }

  /** From here on what the daemon before has left is accounted for, and time goes on. */
  begin(): void {
    if (this.#stopTicking !== undefined) return;
    this.#tick();
    this.#stopTicking = this.#options.clocks.every(tickMs, () => this.#tick());
  }

  end(): void {
    if (this.#stopTicking === undefined) return;
    this.#stopTicking();
    this.#tick();
  }

  /** Says that this moment was seen; adds up what is open when an hour is full, or when the clock is put right. */
  #tick(): void {
    const { logger, store } = this.#options;
    try {
      store.unsyncedTransaction(() => this.#see());
    } catch (error) {
      logger.warn({ err: error }, "Usage could not be written down; it is tried again");
    }
  }

  #see(): void {
    const { usage } = this.#options.store;
    const now = this.now();
    const settledTo = this.#clock.isOff ? this.#putRight(now) : this.#settle(now);
    this.#lastSeen = this.now();
    usage.see({ settledTo, seenAt: this.#lastSeen, seenMonotonicMs: this.#clock.monotonicMs });
  }

  /** Once an hour, and records that are old enough are forgotten then. */
  #settle(now: number): number {
    const { usage } = this.#options.store;
    const { settledTo } = this;
    const hour = Math.floor(now / hourMs);
    if (settledTo >= hour * hourMs) return settledTo;
    usage.settleAll(this.#kept(settledTo, now), now);
    usage.prune(Math.floor(this.#oldestKept(now) / hourMs));
    return now;
  }

  #putRight(now: number): number {
    const { logger, store } = this.#options;
    store.usage.settleAll(this.#kept(this.settledTo, now), now);
    this.#clock.putRight();
    const right = this.now();
    store.usage.startNoLaterThan(right);
    logger.info({ byMs: right - now }, "The host's clock was set; the time between is on nobody's account");
    return right;
  }

  #kept(from: number, now: number): number {
    return Math.max(from, this.#oldestKept(now));
  }

  #oldestKept(now: number): number {
    return now - this.#options.keptDays * 24 * hourMs;
  }
}

/** Cores and memory are used while there is a machine; the disk as long as the sandbox is on record. */
function runs({ state }: Pick<SandboxRecord, "state">): boolean {
  return state === "Running" || state === "Stopping";
}

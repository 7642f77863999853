/**
 * Deletes the snapshots that their group keeps no longer, looking once a minute. What it marks is removed as if somebody had
 * deleted it; a daemon that dies in between leaves the rest to the next one.
 */
import type { Alarm } from "../../lib/due-queue.js";
import { type ClockReading, doubtedUntil } from "../../lifecycle/expiry.js";
import { expiredSnapshots } from "../../lifecycle/snapshot-retention.js";
import type { GroupRecord } from "../../store/groups.js";
import type { ControlContext } from "../context.js";
import { isShownWhole, usedIn } from "./snapshot-finding.js";

const lookEveryMs = 60_000;

interface Options {
  readonly context: ControlContext;
  readonly alarm: Alarm;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

export class SnapshotRetentions {
  readonly #options: Options;
  #reading: ClockReading;
  #doubtedUntilMs = Number.NEGATIVE_INFINITY;
  #stop: () => void = () => undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#reading = this.#readClocks();
  }

  /** Call it when the engine works, and again when a group's rule was set. */
  begin(): void {
    this.#stop();
    this.#lookAndGoOn();
  }

  close(): void {
    this.#stop();
  }

  #lookAndGoOn(): void {
    const { context, alarm } = this.#options;
    if (context.stopping.aborted) return;
    try {
      if (!this.#look()) return;
    } catch (error) {
      context.logger.error({ err: error }, "The retention of snapshots could not be looked at");
    }
    this.#stop = alarm.after(lookEveryMs, () => this.#lookAndGoOn());
  }

  /** False where every group keeps everything. */
  #look(): boolean {
    const { context } = this.#options;
    const groups = context.store.groups.retaining();
    const now = this.#readClocks();
    this.#doubtedUntilMs = doubtedUntil(this.#reading, now, this.#doubtedUntilMs);
    this.#reading = now;
    const marked = groups.map((group) => this.#deleteOf(group, now));
    if (marked.some((count) => count > 0)) context.snapshotRemovals.collectInBackground();
    return groups.length > 0;
  }

  /** A clock that was just set tells nobody's age: by number alone they go then. */
  #deleteOf({ name, snapshotRetention }: GroupRecord, now: ClockReading): number {
    const { snapshotRegister, store, logger } = this.#options.context;
    const isDoubted = now.monotonicMs < this.#doubtedUntilMs;
    const rule = isDoubted ? { ...snapshotRetention, keptSeconds: undefined } : snapshotRetention;
    const shown = store.snapshots.ofGroup(name).filter(isShownWhole);
    const isUsed = usedIn(this.#options.context);
    const expired = expiredSnapshots(shown, rule, { now: now.wallMs, isUsed });
    for (const record of expired) {
      logger.info({ group: name, snapshot: record.id }, "A snapshot is deleted: its group keeps it no longer");
      snapshotRegister.markDeleted(record);
    }
    return expired.length;
  }

  #readClocks(): ClockReading {
    return { wallMs: this.#options.wall(), monotonicMs: this.#options.alarm.monotonic() };
  }
}

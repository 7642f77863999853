/**
 * Snapshots go when nobody needs them: those that were deleted, those that a daemon did not finish, and those of forks, each
 * when no sandbox is starting from it any more. The engine's bytes go first, the row last.
 */
import type { Logger } from "pino";
import type { Engine } from "../../engines/engine.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { Store } from "../../store/store.js";
import type { CrashPoint } from "../crash-points.js";
import type { SnapshotRegister } from "./snapshot-register.js";

interface Helpers {
  readonly store: Store;
  readonly engine: Engine;
  readonly register: SnapshotRegister;
  readonly logger: Logger;
  readonly crashPoint: CrashPoint;
  readonly stopping: AbortSignal;
}

export class SnapshotRemovals {
  readonly #helpers: Helpers;
  /** How many hold each. */
  readonly #holders = new Map<string, number>();
  readonly #removing = new Map<string, Promise<void>>();

  constructor(helpers: Helpers) {
    this.#helpers = helpers;
  }

  /** From now on until everybody who holds it has let go of it, it stays: it is being taken, copied, or read. */
  hold(id: string): Disposable {
    this.#holders.set(id, (this.#holders.get(id) ?? 0) + 1);
    return { [Symbol.dispose]: () => this.#letGo(id) };
  }

  /** Those that the engine has to keep: not what a daemon before had only begun. */
  owned(): Set<string> {
    const { engine, store } = this.#helpers;
    const kept = store.snapshots
      .all()
      .filter(
        ({ id, status, engine: name }) => name === engine.name && (status !== "Creating" || this.#holders.has(id)),
      );
    return new Set(kept.map(({ id }) => id));
  }

  /** Removes every one whose time has come; throws what kept the first of them. */
  async collect(): Promise<void> {
    const { stopping, store } = this.#helpers;
    stopping.throwIfAborted();
    const due = store.snapshots.unfinished().filter((record) => this.#isDue(record));
    const removals = await Promise.allSettled(due.map((record) => this.#removeOnce(record)));
    for (const removal of removals) if (removal.status === "rejected") throw removal.reason;
  }

  /** As `collect`, without anybody waiting; what could not be removed goes with the next collection. */
  collectInBackground(): void {
    const { logger, stopping } = this.#helpers;
    this.collect().catch((error: unknown) => {
      if (!stopping.aborted) logger.error({ err: error }, "A snapshot could not be removed");
    });
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#removing.values());
  }

  #letGo(id: string): void {
    const left = (this.#holders.get(id) ?? 0) - 1;
    if (left > 0) this.#holders.set(id, left);
    else this.#holders.delete(id);
  }

  #isDue({ id }: SnapshotRecord): boolean {
    return !this.#holders.has(id) && !this.#helpers.store.snapshots.hasStarting(id);
  }

  #removeOnce(record: SnapshotRecord): Promise<void> {
    const removing = this.#removing.get(record.id);
    if (removing !== undefined) return removing;
    const work = this.#remove(record).finally(() => this.#removing.delete(record.id));
    this.#removing.set(record.id, work);
    return work;
  }

  async #remove(record: SnapshotRecord): Promise<void> {
    const { crashPoint, engine, register } = this.#helpers;
    if (record.engine === engine.name) await engine.saves?.remove({ kind: "snapshot", snapshotId: record.id });
    crashPoint("snapshotDelete.beforeRemove");
    register.remove(record);
    crashPoint("snapshotDelete.afterRemove");
  }
}

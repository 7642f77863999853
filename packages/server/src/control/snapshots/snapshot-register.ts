/** Every change of a snapshot on record, with its event, in one transaction. Those of forks are told to nobody. */
import type { Snapshot } from "@alcove/contract";
import type { Saved } from "../../engines/engine.js";
import type { EgressName } from "../../store/egress-names.js";
import type { SecretUse } from "../../store/secret-uses.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { Store } from "../../store/store.js";
import type { Events } from "../system/events.js";
import { toSnapshot } from "./snapshot-view.js";

const usersShown = 100;

export class SnapshotRegister {
  readonly #store: Store;
  readonly #events: Events;

  constructor(store: Store, events: Events) {
    this.#store = store;
    this.#events = events;
  }

  view(record: SnapshotRecord): Snapshot {
    return toSnapshot(record, this.#store.snapshots.users(record.id, usersShown));
  }

  /** Before any effect: that it is being taken, and which secrets what is in it has. */
  insert(record: SnapshotRecord, uses: readonly SecretUse[]): void {
    this.#commit(() => {
      this.#store.snapshots.insert(record);
      this.#store.secretUses.put(record.id, record.group, uses);
      this.#tell(record);
    });
  }

  /** It is whole, and its memory may have addresses of the names. Undefined where it was deleted meanwhile. */
  finish(
    id: string,
    { mode, isFrozen, pausedMs, size }: Saved,
    names: readonly EgressName[],
  ): SnapshotRecord | undefined {
    return this.#commit(() => {
      const record = this.#store.snapshots.find(id);
      if (record?.status !== "Creating") return undefined;
      this.#store.egressNames.put(id, names);
      return this.#put({ ...record, ...size, status: "Ready", mode, isFrozen, pausedMs });
    });
  }

  setLabels(record: SnapshotRecord, labels: SnapshotRecord["labels"]): SnapshotRecord {
    return this.#commit(() => this.#put({ ...record, labels }));
  }

  /** Whether its bytes are there. */
  setStatus(record: SnapshotRecord, status: "Ready" | "Lost"): void {
    this.#commit(() => this.#put({ ...record, status }));
  }

  /** From here on nobody can start from it. */
  markDeleted(record: SnapshotRecord): void {
    if (record.status === "Deleting") return;
    this.#commit(() => this.#put({ ...record, status: "Deleting" }));
  }

  /** Nothing of it is left but what others stand on. */
  remove({ id, group, sandboxId, isInternal }: SnapshotRecord): void {
    this.#commit(() => {
      this.#store.snapshots.remove(id);
      if (!isInternal) this.#events.append(group, { type: "snapshot.deleted", snapshotId: id, sandboxId });
    });
  }

  #put(record: SnapshotRecord): SnapshotRecord {
    this.#store.snapshots.update(record);
    this.#tell(record);
    return record;
  }

  #tell(record: SnapshotRecord): void {
    if (record.isInternal) return;
    this.#events.append(record.group, { type: "snapshot.changed", snapshot: this.view(record) });
  }

  #commit<T>(work: () => T): T {
    const result = this.#store.transaction(work);
    this.#events.announce();
    return result;
  }
}

/** Tells followers of a group what its pools hold. Members come and go quickly: of what changes at once the last is told. */
import type { Pool } from "@alcove/contract";
import type { Logger } from "pino";
import type { PoolRecord } from "../../store/pools.js";
import type { Store } from "../../store/store.js";
import type { Events } from "../system/events.js";
import { type PoolState, toPool } from "./pool-view.js";

interface Parts {
  readonly store: Store;
  readonly events: Events;
  readonly logger: Logger;
}

/** Of one pool no more than one event comes within it. */
const quietMs = 100;

export class PoolEvents {
  readonly #parts: Parts;
  readonly #due = new Map<string, NodeJS.Timeout>();
  readonly #told = new Map<string, string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What the pool holds may be something else now. */
  changed(record: PoolRecord, stateOf: (record: PoolRecord) => PoolState): void {
    const key = keyOf(record);
    if (this.#due.has(key)) return;
    const tell = () => {
      this.#due.delete(key);
      this.#tell(record, stateOf);
    };
    this.#due.set(key, setTimeout(tell, quietMs).unref());
  }

  /** Nothing more is told of it. */
  forget(record: Pick<PoolRecord, "group" | "name">): void {
    const key = keyOf(record);
    clearTimeout(this.#due.get(key));
    this.#due.delete(key);
    this.#told.delete(key);
  }

  #tell({ group, name }: PoolRecord, stateOf: (record: PoolRecord) => PoolState): void {
    const { store, events, logger } = this.#parts;
    try {
      const record = store.pools.find(group, name);
      if (record === undefined) return;
      const pool: Pool = toPool(record, stateOf(record));
      const text = JSON.stringify(pool);
      if (this.#told.get(keyOf(record)) === text) return;
      this.#told.set(keyOf(record), text);
      store.unsyncedTransaction(() => events.append(group, { type: "pool.changed", pool }));
      events.announce();
    } catch (error) {
      logger.warn({ group, pool: name, err: error }, "What a pool holds could not be told");
    }
  }
}

function keyOf({ group, name }: Pick<PoolRecord, "group" | "name">): string {
  return `${group}/${name}`;
}

/**
 * The names that a sandbox has asked for, each with an index of its own, which is never another name's: a program may keep an address
 * through sleep, snapshot and fork, and it must not lead elsewhere then. An index is on record before anybody is told of it.
 */
import type { NameEntry } from "../gateway.js";
import { maximumNames } from "./name-addresses.js";

export class NameTable {
  readonly #record: (entry: NameEntry) => Promise<void>;
  readonly #names = new Map<number, string>();
  readonly #indexes = new Map<string, Promise<number>>();
  #next = 1;

  constructor(record: (entry: NameEntry) => Promise<void>) {
    this.#record = record;
  }

  /** Takes in what is on record; what was added since the record was read stays. */
  merge(entries: readonly NameEntry[]): void {
    for (const { index, name } of entries) {
      this.#names.set(index, name);
      this.#indexes.set(name, Promise.resolve(index));
      this.#next = Math.max(this.#next, index + 1);
    }
  }

  nameOf(index: number): string | undefined {
    return this.#names.get(index);
  }

  /** Undefined when the table is full. Rejects where it cannot be put on record; then the next who asks tries anew. */
  indexOf(name: string): Promise<number | undefined> {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    if (this.#next >= maximumNames) return Promise.resolve(undefined);
    const index = this.#next++;
    const recorded = this.#record({ index, name }).then(
      () => {
        this.#names.set(index, name);
        return index;
      },
      (error) => {
        this.#indexes.delete(name);
        throw error;
      },
    );
    this.#indexes.set(name, recorded);
    return recorded;
  }
}

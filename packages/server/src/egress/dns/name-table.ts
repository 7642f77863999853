/**
 * The names that a sandbox has asked for, each with an index of its own, which is never another name's: a program may keep an address
 * through sleep, snapshot and fork, and it must not lead elsewhere then. An index is on record before anybody is told of it.
 */
import type { NameEntry } from "../gateway.js";
import { maximumNames } from "./name-addresses.js";

export class NameTable {
  readonly #record: (entry: NameEntry) => Promise<void>;
  readonly #names = new Map<number, string>();
  readonly #indexes = new Map<string, number>();
  /** Those that are not on record yet. */
  readonly #pending = new Map<string, Promise<number>>();
  #next = 1;

  constructor(record: (entry: NameEntry) => Promise<void>) {
    this.#record = record;
  }

  /** What is on record now; what is on its way there comes to it. A sandbox that went back to a snapshot has fewer than before. */
  replace(entries: readonly NameEntry[]): void {
    this.#names.clear();
    this.#indexes.clear();
    for (const entry of entries) this.#add(entry);
  }

  nameOf(index: number): string | undefined {
    return this.#names.get(index);
  }

  /** Undefined when the table is full. Rejects where it cannot be put on record; then the next who asks tries anew. */
  async indexOf(name: string): Promise<number | undefined> {
    const known = this.#indexes.get(name) ?? this.#pending.get(name);
    if (known !== undefined) return known;
    if (this.#next > maximumNames) return undefined;
    const recorded = this.#recordNext({ index: this.#next++, name });
    this.#pending.set(name, recorded);
    return await recorded;
  }

  async #recordNext(entry: NameEntry): Promise<number> {
    try {
      await this.#record(entry);
      this.#add(entry);
      return entry.index;
    } finally {
      this.#pending.delete(entry.name);
    }
  }

  #add({ index, name }: NameEntry): void {
    this.#names.set(index, name);
    this.#indexes.set(name, index);
    this.#next = Math.max(this.#next, index + 1);
  }
}

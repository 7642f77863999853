/**
 * A list that comes in pages, each asked for when the ones before it are used up. What was on record during the whole walk
 * comes once, whatever others create and delete meanwhile; what they create meanwhile does not come.
 */
import { AlcoveError } from "@alcove/contract";

export interface PageSource<Item> {
  /** The newest `pageSize` of those that are older than the one with the id `before`. */
  readonly read: (query: { readonly before?: string; readonly pageSize: number }) => Promise<readonly Item[]>;
  readonly idOf: (item: Item) => string;
  /** When it was created, as text that sorts. */
  readonly createdAt: (item: Item) => string;
  readonly pageSize: number;
}

/**
 * @example
 * ```ts
 * import { Alcove, Sandbox } from "alcove";
 *
 * using alcove = new Alcove();
 * await using sandbox = await Sandbox.create({ image: "debian", labels: { job: "42" }, alcove });
 * const mine = alcove.sandboxes.list({ labels: { job: "42" } });
 * for await (const { id, state } of mine) console.log(id, state);
 * for await (const page of mine.pages()) console.log(page.length);
 * console.log((await mine.toArray()).length);
 * ```
 */
export class Paginated<Item> implements AsyncIterable<Item> {
  readonly #source: PageSource<Item>;

  constructor(source: PageSource<Item>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item> {
    for await (const page of this.pages()) yield* page;
  }

  /** Page by page; none is empty. */
  async *pages(): AsyncGenerator<Item[]> {
    const { idOf, createdAt, pageSize } = this.#source;
    const told = new Set<string>();
    let newest: string | undefined;
    let before: string | undefined;
    for (;;) {
      const items = await this.#behind(before);
      if (items === undefined) {
        // The last one that was told is gone: from the top again, without what was told, or is newer than all of it.
        before = undefined;
        continue;
      }
      newest ??= items[0] && createdAt(items[0]);
      const isWanted = (item: Item) => !told.has(idOf(item)) && (newest === undefined || createdAt(item) <= newest);
      const fresh = items.filter(isWanted);
      for (const item of fresh) told.add(idOf(item));
      if (fresh.length > 0) yield fresh;
      const last = items.at(-1);
      if (items.length < pageSize || last === undefined) return;
      before = idOf(last);
    }
  }

  /** All of it at once. */
  async toArray(): Promise<Item[]> {
    const all: Item[] = [];
    for await (const page of this.pages()) all.push(...page);
    return all;
  }

  /** Undefined when the one to begin behind is gone. */
  async #behind(before: string | undefined): Promise<readonly Item[] | undefined> {
    const { read, pageSize } = this.#source;
    if (before === undefined) return read({ pageSize });
    try {
      return await read({ before, pageSize });
    } catch (error) {
      if (error instanceof AlcoveError && error.field === "before" && error.status === 404) return undefined;
      throw error;
    }
  }
}

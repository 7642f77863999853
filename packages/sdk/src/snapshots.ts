/** Snapshots of a group's sandboxes: what starts from one is what its sandbox was then. */
import {
  countSnapshots,
  deleteSnapshot,
  exportSnapshot,
  getSnapshot,
  importSnapshot,
  listSnapshots,
  type Snapshot,
  takeSnapshot,
  updateSnapshot,
} from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { labelSelector } from "./label-selector.js";
import { Paginated } from "./paginated.js";
import type { Scope } from "./scope.js";
import type { Chunks } from "./transport.js";

export interface SnapshotOptions extends Abortable {
  /** Words for people; several may have the same. */
  readonly name?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface ListSnapshotsOptions extends Abortable {
  /** Only those that have all of these. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Only those of this sandbox. */
  readonly sandboxId?: string | undefined;
  /** How many are asked for at once, 1 to 1,000; default 100. */
  readonly pageSize?: number | undefined;
}

const defaultPageSize = 100;

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * const { sandboxes, snapshots } = alcove;
 * await using sandbox = await sandboxes.create({ image: "debian" });
 * const { id } = await snapshots.create(sandbox.id, { name: "clean" });
 * await using copy = await sandboxes.create({ snapshot: id });
 * for await (const { name, usedBy } of snapshots.list({ sandboxId: sandbox.id })) console.log(name, usedBy);
 * await snapshots.delete(id);
 * ```
 */
export class Snapshots {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Takes one of a running sandbox, with its memory, or of one that was stopped. */
  create(sandboxId: string, { signal, ...body }: SnapshotOptions = {}): Promise<Snapshot> {
    const { transport, params } = this.#scope;
    return call(transport, takeSnapshot, { params: { ...params, id: sandboxId }, body, signal });
  }

  /** Newest first: to iterate over, page by page as they are asked for, or `toArray()`. */
  list({ signal, pageSize = defaultPageSize, labels, sandboxId }: ListSnapshotsOptions = {}): Paginated<Snapshot> {
    const { transport, params } = this.#scope;
    const filter = { labels: labelSelector(labels), sandboxId };
    return new Paginated({
      read: (page) => call(transport, listSnapshots, { params, query: { ...filter, ...page }, signal }),
      idOf: ({ id }) => id,
      createdAt: ({ createdAt }) => createdAt,
      pageSize,
    });
  }

  async count({ signal, labels, sandboxId }: Omit<ListSnapshotsOptions, "pageSize"> = {}): Promise<number> {
    const { transport, params } = this.#scope;
    const query = { labels: labelSelector(labels), sandboxId };
    return (await call(transport, countSnapshots, { params, query, signal })).count;
  }

  get(snapshotId: string, { signal }: Abortable = {}): Promise<Snapshot> {
    const { transport, params } = this.#scope;
    return call(transport, getSnapshot, { params: { ...params, snapshotId }, signal });
  }

  /** Merges changes into its labels: a value sets one, null takes it away. */
  setLabels(
    snapshotId: string,
    labels: Readonly<Record<string, string | null>>,
    { signal }: Abortable = {},
  ): Promise<Snapshot> {
    const { transport, params } = this.#scope;
    return call(transport, updateSnapshot, { params: { ...params, snapshotId }, body: { labels }, signal });
  }

  /**
   * The snapshot as one tar archive, which `import` takes on any host with an Alcove of this version. It holds all that the sandbox
   * had, secrets in its memory too. Its length is known before; an answer that breaks off throws.
   */
  async export(snapshotId: string, { signal }: Abortable = {}): Promise<ByteStream> {
    const { transport, params } = this.#scope;
    const { body } = await call(transport, exportSnapshot, { params: { ...params, snapshotId }, signal });
    return new ByteStream(body);
  }

  /** A new snapshot of what `export` gave, with its name and labels unless others are said here. */
  import(content: Uint8Array | Chunks, { name, labels, signal }: SnapshotOptions = {}): Promise<Snapshot> {
    const { transport, params } = this.#scope;
    const query = { name, labels: labelSelector(labels) };
    return call(transport, importSnapshot, { params, query, body: content, signal });
  }

  /** Sandboxes that came from it go on. One that is gone counts as deleted. */
  async delete(snapshotId: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, deleteSnapshot, { params: { ...params, snapshotId }, signal });
  }
}

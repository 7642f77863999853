/** The groups of a server: who shares sandboxes, images, quota and bill. */
import {
  type CreateGroup,
  createGroup,
  deleteGroup,
  type Group as GroupRecord,
  getGroup,
  listGroups,
  type Quota,
  type SnapshotRetention,
  setGroupQuota,
  setSnapshotRetention,
  type UpdateGroup,
  updateGroup,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { labelSelector } from "./label-selector.js";
import { Paginated } from "./paginated.js";
import type { Transport } from "./transport.js";

export interface GroupListOptions extends Abortable {
  /** Only those that have all of these. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
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
 * await alcove.groups.create({
 *   name: "team-a",
 *   tags: { cost: "42" },
 *   defaults: { diskImage: { name: "debian" }, resources: { tier: "S" } },
 *   quota: { cores: 4, memory: "8Gi", sandboxes: 20 },
 * });
 * const team = alcove.group("team-a");
 * const sandbox = await team.sandboxes.create({ labels: { project: "blue" } });
 * console.log((await sandbox.info()).resources, await team.usage());
 * for await (const { name, used } of alcove.groups.list({ tags: { cost: "42" } })) console.log(name, used.cores);
 * await alcove.groups.delete("team-a", { force: true });
 * ```
 */
export class Groups {
  readonly #transport: Transport;

  /** Made by `new Alcove()`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(group: CreateGroup, { signal }: Abortable = {}): Promise<GroupRecord> {
    return call(this.#transport, createGroup, { params: {}, body: group, signal });
  }

  /** By name, those that the caller has a role in: to iterate over, page by page as they are asked for, or `toArray()`. */
  list({ signal, tags, pageSize = defaultPageSize }: GroupListOptions = {}): Paginated<GroupRecord> {
    return new Paginated({
      read: ({ before, ...page }) => {
        const query = { tags: labelSelector(tags), after: before, ...page };
        return call(this.#transport, listGroups, { params: {}, query, signal });
      },
      idOf: ({ name }) => name,
      // In the order of their names a new one may come anywhere.
      createdAt: () => "",
      pageSize,
    });
  }

  get(name: string, { signal }: Abortable = {}): Promise<GroupRecord> {
    return call(this.#transport, getGroup, { params: { group: name }, signal });
  }

  /** Changes tags and defaults: what is left out stays, null takes away. */
  update(name: string, changes: UpdateGroup, { signal }: Abortable = {}): Promise<GroupRecord> {
    return call(this.#transport, updateGroup, { params: { group: name }, body: changes, signal });
  }

  /** Replaces the whole quota: what is left out has no limit. */
  setQuota(name: string, quota: Quota, { signal }: Abortable = {}): Promise<GroupRecord> {
    return call(this.#transport, setGroupQuota, { params: { group: name }, body: quota, signal });
  }

  /** Replaces the whole rule by which snapshots are deleted in the background: what is left out limits nothing. */
  setSnapshotRetention(name: string, retention: SnapshotRetention, { signal }: Abortable = {}): Promise<GroupRecord> {
    return call(this.#transport, setSnapshotRetention, { params: { group: name }, body: retention, signal });
  }

  /** Refused with GroupNotEmpty while something is in it, unless `force` says that all of it shall go. */
  async delete(name: string, { signal, force }: Abortable & { readonly force?: boolean } = {}): Promise<void> {
    await call(this.#transport, deleteGroup, { params: { group: name }, query: { force }, signal });
  }
}

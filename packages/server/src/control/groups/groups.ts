import { AlcoveError, type CreateGroup, faultWords, type Group, Tags, type UpdateGroup } from "@alcove/contract";
import { untilAborted } from "../../lib/until-aborted.js";
import type { GroupRecord } from "../../store/groups.js";
import { groupNotFound } from "../access/gate.js";
import type { ControlContext } from "../context.js";
import { askedEgress, requirePolicy } from "../egress/egress-choice.js";
import type { GroupControl } from "./group-control.js";
import type { GroupDeletions } from "./group-deletion.js";
import { toGroup } from "./group-view.js";

const defaultPageSize = 100;
/** Always there: what everybody uses who names no group. */
const defaultGroup = "default";

interface Helpers {
  readonly deletions: GroupDeletions;
  /** A group's retention of snapshots is another one. */
  readonly onRetention: () => void;
}

export function groupControl(context: ControlContext, { deletions, onRetention }: Helpers): GroupControl {
  const { gate, store } = context;
  return {
    async create(body) {
      await gate.pass();
      return create(context, body);
    },
    async list({ names, tags, after, page = 1, pageSize = defaultPageSize }) {
      await gate.pass();
      return store.groups.list({ names, tags, after }, { limit: pageSize, offset: (page - 1) * pageSize }).map(toGroup);
    },
    async get(name) {
      await gate.pass();
      return toGroup(find(context, name));
    },
    async update(name, body) {
      const group = await gate.enter(name);
      const changed = { ...group, ...merged(group, body) };
      requireDefaults(context, changed);
      return save(context, changed);
    },
    async setQuota(name, quota) {
      const group = await gate.enter(name);
      return save(context, { ...group, quota });
    },
    async setSnapshotRetention(name, snapshotRetention) {
      const group = await gate.enter(name);
      const saved = save(context, { ...group, snapshotRetention });
      onRetention();
      return saved;
    },
    async delete(name, { force }, signal) {
      await gate.pass();
      if (name === defaultGroup) {
        throw new AlcoveError("GroupNotDeletable", `The group ${name} is always there.`, {
          field: "group",
          value: name,
        });
      }
      const group = store.groups.find(name);
      if (group === undefined) return;
      if (!force) requireEmpty(group, store.volumes.ofGroup(name).length);
      await untilAborted(deletions.delete(name), signal);
    },
  };
}

function create(context: ControlContext, { name, tags = {}, defaults = {}, quota = {} }: CreateGroup): Group {
  const { store } = context;
  const similar = store.groups.findInAnyCase(name);
  if (similar !== undefined) throw groupExists(name, similar);
  requireDefaults(context, { name, defaults });
  store.groups.insert({ name, state: "Ready", tags, defaults, quota, createdAt: Date.now() });
  return toGroup(find({ store }, name));
}

/** A policy that is named must be there. */
function requireDefaults({ store }: ControlContext, { name, defaults }: Pick<GroupRecord, "name" | "defaults">): void {
  const egress = askedEgress(defaults);
  if (egress !== undefined) requirePolicy(store, { group: name, egress, within: "defaults." });
}

function groupExists(name: string, { name: present, state }: GroupRecord): AlcoveError {
  const what = present === name ? `The group ${name} is there already` : `There is a group ${present} already`;
  const deletion = state === "Deleting" ? "; it is being deleted" : "";
  return new AlcoveError("GroupExists", `${what}${deletion}.`, { field: "name", value: name });
}

function find({ store }: Pick<ControlContext, "store">, name: string): GroupRecord {
  const group = store.groups.find(name);
  if (group === undefined) throw groupNotFound(name);
  return group;
}

function save({ events, store }: ControlContext, record: GroupRecord): Group {
  const group = toGroup(record);
  store.transaction(() => {
    store.groups.update(record.name, record);
    events.append(record.name, { type: "group.changed", group });
  });
  events.announce();
  return group;
}

function merged(group: GroupRecord, { tags = {}, defaults = {} }: UpdateGroup): Pick<GroupRecord, "tags" | "defaults"> {
  const parsed = Tags.safeParse(overlaid(group.tags, tags), { error: faultWords });
  if (!parsed.success) {
    throw new AlcoveError("InvalidRequest", `tags ${parsed.error.issues[0]?.message}.`, { field: "tags" });
  }
  const { egressPolicy: own, egressPolicyId: named } = defaults;
  // One takes the other's place.
  const displaced = { ...(own && { egressPolicyId: null }), ...(named && { egressPolicy: null }) };
  return { tags: parsed.data, defaults: overlaid(group.defaults, { ...displaced, ...defaults }) };
}

/** The first with what the second has; null takes a key away. */
function overlaid<Value extends object>(
  present: Value,
  changes: { readonly [Key in keyof Value]?: Value[Key] | null | undefined },
): Value {
  const entries = Object.entries({ ...present, ...changes });
  return Object.fromEntries(entries.filter(([, value]) => value !== null && value !== undefined)) as Value;
}

function requireEmpty({ name, state, used }: GroupRecord, volumes: number): void {
  if (state === "Deleting" || used.sandboxes + used.images + used.snapshots + volumes === 0) return;
  const what = [
    counted(used.sandboxes, "sandbox", "sandboxes"),
    counted(used.images, "image", "images"),
    counted(used.snapshots, "snapshot", "snapshots"),
    counted(volumes, "volume", "volumes"),
  ]
    .filter((words) => words !== "")
    .join(" and ");
  throw new AlcoveError("GroupNotEmpty", `The group ${name} has ${what} in it.`, { field: "group", value: name });
}

function counted(count: number, one: string, many: string): string {
  return count === 0 ? "" : `${count} ${count === 1 ? one : many}`;
}

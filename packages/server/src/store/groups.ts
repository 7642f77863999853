/** Groups on record, with what their sandboxes use: triggers keep those sums, so reading them costs one row. */
import { randomUUID } from "node:crypto";
import type { GroupDefaults, GroupState, Labels, Quota, SnapshotRetention, Tags } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, type Parameters, write } from "./statement.js";

export interface GroupRecord {
  readonly name: string;
  /** A UUID that no other group ever has, not one that gets its name later either. */
  readonly incarnation: string;
  readonly state: GroupState;
  readonly tags: Tags;
  readonly defaults: GroupDefaults;
  readonly quota: Quota;
  readonly snapshotRetention: SnapshotRetention;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly used: GroupUse;
}

/** Cores and memory of the sandboxes that run or start, disk and number of all that are on record. */
export interface GroupUse {
  readonly cpuMillicores: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly sandboxes: number;
  readonly images: number;
  readonly snapshots: number;
}

export interface GroupFilter {
  /** Only these; every group where it is left out. */
  readonly names?: readonly string[] | undefined;
  readonly tags?: Labels | undefined;
  /** Only those whose names come after it. */
  readonly after?: string | undefined;
}

export type GroupQueries = ReturnType<typeof groupQueries>;

export function groupQueries(database: Database.Database) {
  const find = one<Row>(database, "select * from groups where name = @name");
  const similar = one<Row>(database, "select * from groups where name = @name collate nocase");
  const deleting = all<Row>(database, "select * from groups where state = 'Deleting' order by name");
  const retaining = all<Row>(database, "select * from groups where snapshot_retention <> '{}' and state = 'Ready'");
  const insert = write(
    database,
    `insert into groups (name, incarnation, state, tags, defaults, quota, created_at, newest_event, events_begin)
     values (@name, @incarnation, @state, @tags, @defaults, @quota, @createdAt, @createdAt, @createdAt)`,
  );
  const update = write(
    database,
    "update groups set state = @state, tags = @tags, defaults = @defaults, quota = @quota, snapshot_retention = @retention where name = @name",
  );
  const remove = write(database, "delete from groups where name = @name");
  const select = all<Row>(database, selection);
  const record = (row: Row | undefined) => row && toRecord(row);
  return {
    find: (name: string): GroupRecord | undefined => record(find({ name })),
    /** The group of this name, whatever the case of its letters. */
    findInAnyCase: (name: string): GroupRecord | undefined => record(similar({ name })),
    /** Its events are numbered from the time on: behind all that a group which had the name was told. */
    insert: (group: Omit<GroupRecord, "used" | "snapshotRetention" | "incarnation">): void =>
      void insert({ name: group.name, incarnation: randomUUID(), createdAt: group.createdAt, ...written(group) }),
    update: (name: string, group: Changeable & Pick<GroupRecord, "snapshotRetention">): void =>
      void update({ name, ...written(group), retention: JSON.stringify(group.snapshotRetention) }),
    remove: (name: string): void => void remove({ name }),
    /** By name. */
    list: (
      { names, tags, after = "" }: GroupFilter,
      page: { readonly limit: number; readonly offset: number },
    ): GroupRecord[] =>
      select({
        names: names === undefined ? null : JSON.stringify(names),
        tags: JSON.stringify(Object.entries(tags ?? {})),
        after,
        ...page,
      }).map(toRecord),
    /** Those that do not keep every snapshot. */
    retaining: (): GroupRecord[] => retaining().map(toRecord),
    deleting: (): GroupRecord[] => deleting().map(toRecord),
  };
}

type Changeable = Pick<GroupRecord, "state" | "tags" | "defaults" | "quota">;

/** A tag asked for is an entry of the group's tags with that key and value. */
const selection = `
  select * from groups g
  where g.name > @after and (@names is null or g.name in (select value from json_each(@names)))
    and not exists (
      select 1 from json_each(@tags) wanted where not exists (
        select 1 from json_each(g.tags) tag where tag.key = wanted.value ->> 0 and tag.value = wanted.value ->> 1))
  order by g.name limit @limit offset @offset`;

function written({ state, tags, defaults, quota }: Changeable): Parameters {
  return {
    state,
    tags: JSON.stringify(tags),
    defaults: JSON.stringify(defaults),
    quota: JSON.stringify(quota),
  };
}

interface Row {
  readonly name: string;
  readonly incarnation: string;
  readonly state: GroupState;
  readonly tags: string;
  readonly defaults: string;
  readonly quota: string;
  readonly snapshot_retention: string;
  readonly created_at: number;
  readonly used_millicores: number;
  readonly used_memory_mib: number;
  readonly used_disk_mib: number;
  readonly used_sandboxes: number;
  readonly used_images: number;
  readonly used_snapshots: number;
}

function toRecord(row: Row): GroupRecord {
  return {
    name: row.name,
    incarnation: row.incarnation,
    state: row.state,
    tags: JSON.parse(row.tags),
    defaults: JSON.parse(row.defaults),
    quota: JSON.parse(row.quota),
    snapshotRetention: JSON.parse(row.snapshot_retention),
    createdAt: row.created_at,
    used: {
      cpuMillicores: row.used_millicores,
      memoryMiB: row.used_memory_mib,
      diskMiB: row.used_disk_mib,
      sandboxes: row.used_sandboxes,
      images: row.used_images,
      snapshots: row.used_snapshots,
    },
  };
}

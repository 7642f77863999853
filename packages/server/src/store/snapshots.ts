/** Snapshots on record, and which sandboxes came from them. */
import type { Labels, Size, SnapshotStatus } from "@alcove/contract";
import type Database from "better-sqlite3";
import { noEgress } from "./egress-policies.js";
import type { SandboxRecord } from "./sandboxes.js";
import { all, one, type Parameters, write } from "./statement.js";

export interface SnapshotRecord {
  readonly id: string;
  readonly group: string;
  readonly name: string | undefined;
  readonly labels: Labels;
  readonly status: SnapshotStatus;
  /** Of a fork: nobody sees it, and it goes when its copies have started. */
  readonly isInternal: boolean;
  readonly sandboxId: string;
  readonly parentId: string | undefined;
  readonly engine: string;
  readonly mode: "Memory" | "Disk";
  readonly isFrozen: boolean;
  readonly pausedMs: number;
  readonly ownBytes: number;
  readonly sharedBytes: number;
  readonly image: string;
  readonly imageIsPublic: boolean;
  /** The content that it stands on. */
  readonly imageKey: string;
  readonly size: Size;
  /** Those that its sandbox had; what was on them is in the snapshot. */
  readonly volumes: readonly SnapshotVolume[];
  /** How what is in it is run: comes along to whatever starts from it. */
  readonly start: StartOfSandbox;
  /** Of its sandbox: who has the same secrets. */
  readonly maker: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface SnapshotVolume {
  /** The volume's own; it may be gone. */
  readonly volumeId: string;
  readonly name: string;
  readonly sizeMiB: number;
  readonly slot: number;
  readonly mountpoint: string;
  readonly isReadOnly: boolean;
}

export type StartOfSandbox = Pick<
  SandboxRecord,
  | "imageConfig"
  | "environment"
  | "askedProgram"
  | "entrypoint"
  | "cmd"
  | "entrypointSecrets"
  | "workingDirectory"
  | "entrypointExecId"
  | "lifecycle"
  | "egress"
>;

export interface SnapshotFilter {
  readonly group: string;
  readonly labels?: Labels;
  readonly sandboxId?: string;
  /** Only those taken before the one with this id. */
  readonly before?: string;
}

export type SnapshotQueries = ReturnType<typeof snapshotQueries>;

export function snapshotQueries(database: Database.Database) {
  const find = one<Row>(database, "select * from snapshots where id = @id");
  const everything = all<Row>(database, "select * from snapshots order by sequence");
  const unfinished = all<Row>(
    database,
    "select * from snapshots where status in ('Creating', 'Deleting') or is_internal = 1 order by sequence",
  );
  const list = all<Row>(database, `select s.* ${selection} order by s.sequence desc limit @limit offset @offset`);
  const count = one<{ count: number }>(database, `select count(*) as count ${selection}`);
  const ofGroup = all<Row>(database, "select * from snapshots where group_name = @group order by sequence");
  const remove = write(database, "delete from snapshots where id = @id");
  const insert = write(database, insertion);
  const update = write(
    database,
    `update snapshots set labels = @labels, status = @status, mode = @mode, is_frozen = @is_frozen,
       paused_ms = @paused_ms, own_bytes = @own_bytes, shared_bytes = @shared_bytes where id = @id`,
  );
  const users = all<{ id: string }>(
    database,
    "select id from sandboxes where snapshot_id = @id order by sequence limit @limit",
  );
  const starting = one<{ found: number }>(
    database,
    `select 1 as found from sandboxes where snapshot_id = @id and desired_state <> 'Deleted'
       and (state in ('Creating', 'Resuming') or suspension ->> '$.rollback' = @id) limit 1`,
  );
  return {
    find(id: string): SnapshotRecord | undefined {
      const row = find({ id });
      return row && toRecord(row);
    },
    insert: (record: SnapshotRecord): void => void insert(toRow(record)),
    update(record: SnapshotRecord): void {
      const { id, labels, status, mode, is_frozen, paused_ms, own_bytes, shared_bytes } = toRow(record);
      update({ id, labels, status, mode, is_frozen, paused_ms, own_bytes, shared_bytes });
    },
    remove: (id: string): void => void remove({ id }),
    all: (): SnapshotRecord[] => everything().map(toRecord),
    /** Those being taken, those being deleted, and those of forks. */
    unfinished: (): SnapshotRecord[] => unfinished().map(toRecord),
    ofGroup: (group: string): SnapshotRecord[] => ofGroup({ group }).map(toRecord),
    /** Newest first; those of forks and those that are being deleted are left out. */
    list: (filter: SnapshotFilter, page: { readonly limit: number; readonly offset: number }): SnapshotRecord[] =>
      list({ ...wanted(filter), ...page }).map(toRecord),
    count: (filter: SnapshotFilter): number => count(wanted(filter))?.count ?? 0,
    /** Sandboxes that came from it, the oldest first. */
    users: (id: string, limit: number): string[] => users({ id, limit }).map((row) => row.id),
    /** A sandbox is starting from it now, or shall go back to it and nothing else is left of that. */
    hasStarting: (id: string): boolean => starting({ id }) !== undefined,
  };
}

const selection = `
  from snapshots s
  where s.group_name = @group and s.is_internal = 0 and s.status <> 'Deleting'
    and (@sandboxId is null or s.sandbox_id = @sandboxId)
    and (@before is null or s.sequence < (select sequence from snapshots where id = @before))
    and not exists (
      select 1 from json_each(@labels) wanted where not exists (
        select 1 from json_each(s.labels) label where label.key = wanted.value ->> 0 and label.value = wanted.value ->> 1))`;

function wanted({ group, labels = {}, sandboxId = null, before = null }: Nullable<SnapshotFilter>): Parameters {
  return { group, labels: JSON.stringify(Object.entries(labels ?? {})), sandboxId, before };
}

type Nullable<Filter> = { readonly [Key in keyof Filter]: Key extends "group" ? string : Filter[Key] | null };

const insertion = `
  insert into snapshots (id, group_name, name, labels, status, is_internal, sandbox_id, parent_id, engine, mode,
    is_frozen, paused_ms, own_bytes, shared_bytes, image, image_is_public, image_key, cpu_millicores, memory_mib,
    disk_mib, volumes, start, maker, created_at)
  values (@id, @group_name, @name, @labels, @status, @is_internal, @sandbox_id, @parent_id, @engine, @mode,
    @is_frozen, @paused_ms, @own_bytes, @shared_bytes, @image, @image_is_public, @image_key, @cpu_millicores,
    @memory_mib, @disk_mib, @volumes, @start, @maker, @created_at)`;

interface Row {
  readonly id: string;
  readonly group_name: string;
  readonly name: string | null;
  readonly labels: string;
  readonly status: SnapshotStatus;
  readonly is_internal: number;
  readonly sandbox_id: string;
  readonly parent_id: string | null;
  readonly engine: string;
  readonly mode: SnapshotRecord["mode"];
  readonly is_frozen: number;
  readonly paused_ms: number;
  readonly own_bytes: number;
  readonly shared_bytes: number;
  readonly image: string;
  readonly image_is_public: number;
  readonly image_key: string;
  readonly cpu_millicores: number;
  readonly memory_mib: number;
  readonly disk_mib: number;
  readonly volumes: string;
  readonly start: string;
  readonly maker: string | null;
  readonly created_at: number;
}

function toRow(record: SnapshotRecord): Parameters & Row {
  const { id, status, engine, mode, image } = record;
  return {
    ...{ id, status, engine, mode, image },
    group_name: record.group,
    name: record.name ?? null,
    labels: JSON.stringify(record.labels),
    is_internal: record.isInternal ? 1 : 0,
    sandbox_id: record.sandboxId,
    parent_id: record.parentId ?? null,
    is_frozen: record.isFrozen ? 1 : 0,
    paused_ms: record.pausedMs,
    own_bytes: record.ownBytes,
    shared_bytes: record.sharedBytes,
    image_is_public: record.imageIsPublic ? 1 : 0,
    image_key: record.imageKey,
    cpu_millicores: record.size.cpuMillicores,
    memory_mib: record.size.memoryMiB,
    disk_mib: record.size.diskMiB,
    volumes: JSON.stringify(record.volumes),
    start: JSON.stringify(record.start),
    maker: record.maker ?? null,
    created_at: record.createdAt,
  };
}

function toRecord(row: Row): SnapshotRecord {
  const { id, status, engine, mode, image } = row;
  return {
    ...{ id, status, engine, mode, image },
    group: row.group_name,
    name: row.name ?? undefined,
    labels: JSON.parse(row.labels),
    isInternal: row.is_internal === 1,
    sandboxId: row.sandbox_id,
    parentId: row.parent_id ?? undefined,
    isFrozen: row.is_frozen === 1,
    pausedMs: row.paused_ms,
    ownBytes: row.own_bytes,
    sharedBytes: row.shared_bytes,
    imageIsPublic: row.image_is_public === 1,
    imageKey: row.image_key,
    size: { cpuMillicores: row.cpu_millicores, memoryMiB: row.memory_mib, diskMiB: row.disk_mib },
    volumes: JSON.parse(row.volumes),
    start: { egress: noEgress, ...JSON.parse(row.start) },
    maker: row.maker ?? undefined,
    createdAt: row.created_at,
  };
}

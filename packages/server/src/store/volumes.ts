/** Volumes on record, and which sandbox has which. */
import type { Labels, Volume } from "@alcove/contract";
import type Database from "better-sqlite3";
import { all, one, write } from "./statement.js";

export interface VolumeRecord {
  readonly id: string;
  readonly group: string;
  readonly name: string;
  readonly type: Volume["type"];
  readonly sizeMiB: number;
  readonly labels: Labels;
  /** The volume that it was in the snapshot from which it was made; that one may be gone. */
  readonly sourceId: string | undefined;
  /** The sandbox that it was made for, and goes with. */
  readonly ownerSandboxId: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export type MountState = Volume["attachments"][number]["state"];

export interface MountRecord {
  readonly volumeId: string;
  readonly sandboxId: string;
  /** Of its machine, from 0. */
  readonly slot: number;
  readonly mountpoint: string;
  readonly isReadOnly: boolean;
  readonly state: MountState;
}

export type VolumeQueries = ReturnType<typeof volumeQueries>;

export function volumeQueries(database: Database.Database) {
  const find = one<Row>(database, "select * from volumes where group_name = @group and name = @name");
  const ofGroup = all<Row>(database, "select * from volumes where group_name = @group order by name");
  const ids = all<{ id: string }>(database, "select id from volumes");
  const get = one<Row>(database, "select * from volumes where id = @id");
  const ofOwner = all<{ id: string }>(database, "select id from volumes where owner_sandbox_id = @sandboxId");
  const nameOf = one<{ name: string }>(database, "select name from volumes where id = @id");
  const remove = write(database, "delete from volumes where id = @id");
  const insert = write(
    database,
    `insert into volumes (id, group_name, name, type, size_mib, labels, source_id, owner_sandbox_id, created_at)
     values (@id, @group, @name, @type, @sizeMiB, @labels, @sourceId, @ownerSandboxId, @createdAt)`,
  );
  return {
    find(group: string, name: string): VolumeRecord | undefined {
      const row = find({ group, name });
      return row && toRecord(row);
    },
    ofGroup: (group: string): VolumeRecord[] => ofGroup({ group }).map(toRecord),
    ids: (): ReadonlySet<string> => new Set(ids().map(({ id }) => id)),
    nameOf: (id: string): string | undefined => nameOf({ id })?.name,
    get(id: string): VolumeRecord | undefined {
      const row = get({ id });
      return row && toRecord(row);
    },
    /** Ids of those that go with the sandbox. */
    ownedBy: (sandboxId: string): string[] => ofOwner({ sandboxId }).map(({ id }) => id),
    insert({ labels, sourceId = null, ownerSandboxId = null, ...record }: Nullable<VolumeRecord>): void {
      insert({ ...record, labels: JSON.stringify(labels), sourceId, ownerSandboxId });
    },
    remove: (id: string): void => void remove({ id }),
    ...mountQueries(database),
  };
}

function mountQueries(database: Database.Database) {
  const mountOf = one<MountRow>(database, "select * from volume_mounts where volume_id = @volumeId");
  const ofSandbox = all<MountRow>(database, "select * from volume_mounts where sandbox_id = @sandboxId order by slot");
  const unmount = write(database, "delete from volume_mounts where volume_id = @volumeId");
  const disown = write(database, "update volumes set owner_sandbox_id = null where id = @volumeId");
  const release = write(database, "delete from volume_mounts where sandbox_id = @sandboxId");
  const setState = write(database, "update volume_mounts set state = @state where volume_id = @volumeId");
  const mount = write(
    database,
    `insert into volume_mounts (volume_id, sandbox_id, slot, mountpoint, read_only, state)
     values (@volumeId, @sandboxId, @slot, @mountpoint, @readOnly, @state)`,
  );
  return {
    mountOf(volumeId: string): MountRecord | undefined {
      const row = mountOf({ volumeId });
      return row && toMount(row);
    },
    /** By slot. */
    mountsOf: (sandboxId: string): MountRecord[] => ofSandbox({ sandboxId }).map(toMount),
    mount: ({ isReadOnly, ...record }: MountRecord): void => void mount({ ...record, readOnly: isReadOnly ? 1 : 0 }),
    setMountState: (volumeId: string, state: MountState): void => void setState({ volumeId, state }),
    /** From now on it goes with no sandbox. */
    unmount(volumeId: string): void {
      // A daemon that dies in between leaves it where it is, for the next to take away.
      disown({ volumeId });
      unmount({ volumeId });
    },
    /** All that the sandbox has. */
    releaseAll: (sandboxId: string): void => void release({ sandboxId }),
  };
}

type Nullable<T> = { readonly [Key in keyof T]: T[Key] | (undefined extends T[Key] ? null : never) };

interface Row {
  readonly id: string;
  readonly group_name: string;
  readonly name: string;
  readonly type: VolumeRecord["type"];
  readonly size_mib: number;
  readonly labels: string;
  readonly source_id: string | null;
  readonly owner_sandbox_id: string | null;
  readonly created_at: number;
}

function toRecord({
  id,
  group_name: group,
  name,
  type,
  size_mib: sizeMiB,
  labels,
  source_id,
  owner_sandbox_id,
  created_at: createdAt,
}: Row): VolumeRecord {
  const origin = { sourceId: source_id ?? undefined, ownerSandboxId: owner_sandbox_id ?? undefined };
  return { id, group, name, type, sizeMiB, labels: JSON.parse(labels), ...origin, createdAt };
}

interface MountRow {
  readonly volume_id: string;
  readonly sandbox_id: string;
  readonly slot: number;
  readonly mountpoint: string;
  readonly read_only: number;
  readonly state: MountState;
}

function toMount({
  volume_id: volumeId,
  sandbox_id: sandboxId,
  slot,
  mountpoint,
  read_only,
  state,
}: MountRow): MountRecord {
  return { volumeId, sandboxId, slot, mountpoint, isReadOnly: read_only === 1, state };
}

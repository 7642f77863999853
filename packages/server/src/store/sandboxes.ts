/** Sandboxes on record: what was asked for, what was last seen. */
import type {
  ActivationMode,
  ImageConfig,
  Labels,
  LifecyclePolicy,
  Sandbox,
  SandboxState,
  Size,
  StateDetails,
  StopMode,
} from "@alcove/contract";
import type Database from "better-sqlite3";
import type { EgressChoice } from "./egress-policies.js";
import { type LabelFilter, selectByFilter } from "./sandbox-filter.js";
import { all, one, type Parameters, write } from "./statement.js";

export interface SandboxRecord {
  readonly id: string;
  readonly group: string;
  readonly engine: string;
  readonly state: SandboxState;
  readonly desiredState: Sandbox["desiredState"];
  readonly stateDetails: StateDetails;
  readonly image: string;
  /** The catalogue's image, not one of the group's: asked for, or found to be so. */
  readonly imageIsPublic: boolean;
  /** The content that it stands on; empty until the image was there. */
  readonly imageKey: string;
  /** What the image said when the sandbox was created. */
  readonly imageConfig: Partial<ImageConfig>;
  readonly size: Size;
  readonly labels: Labels;
  readonly environment: Readonly<Record<string, string>>;
  /** What was asked for, before the image was looked at; what is left out is the image's. */
  readonly askedProgram: {
    readonly entrypoint?: readonly string[] | undefined;
    readonly cmd?: readonly string[] | undefined;
  };
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** Names of secrets that the program gets. */
  readonly entrypointSecrets: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly entrypointExecId: string | undefined;
  readonly generation: number;
  /** The snapshot that it came from; it may be gone. */
  readonly snapshotId: string | undefined;
  /** The sandbox that it is a copy of. */
  readonly forkedFrom: string | undefined;
  /** Disk: it boots from the snapshot, whatever that has. */
  readonly snapshotFrom: "Memory" | "Disk" | undefined;
  /** Hexadecimal: what its random numbers begin with, in place of bytes of the host. */
  readonly entropy: string | undefined;
  readonly activationMode: ActivationMode;
  readonly suspension: Suspension | undefined;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When it is suspended and deleted by itself: what was decided when it was created, or since. */
  readonly lifecycle: LifecyclePolicy;
  readonly egress: EgressChoice;
  /** The principal who created it; undefined where it is not known. */
  readonly maker: string | undefined;
}

/** Of a sandbox that is Stopping, Stopped with something kept, or Resuming. */
export interface Suspension {
  readonly mode: StopMode;
  /** What is kept; missing while it is Stopping. */
  readonly kept?: { readonly ownBytes: number; readonly sharedBytes: number };
  /** What it resumes from, while it is Resuming. */
  readonly from?: StopMode;
  /** The snapshot that it goes back to: nothing else is kept of it. */
  readonly rollback?: string;
}

interface Origin {
  readonly snapshotId: string;
  readonly entrypointExecId: string | undefined;
}

/** What changes in the life of a sandbox. */
export type SandboxProgress = Pick<
  SandboxRecord,
  "state" | "desiredState" | "stateDetails" | "generation" | "suspension"
>;

export type SandboxQueries = ReturnType<typeof sandboxQueries>;

export function sandboxQueries(database: Database.Database) {
  const find = one<Row>(database, "select * from sandboxes where id = @id");
  const everything = all<Row>(database, "select * from sandboxes order by sequence");
  const remove = write(database, "delete from sandboxes where id = @id");
  const states = all<{ state: SandboxState; count: number }>(
    database,
    "select state, count(*) as count from sandboxes group by state",
  );
  const update = write(
    database,
    `update sandboxes set state = @state, desired_state = @desiredState, state_details = @stateDetails,
       generation = @generation, suspension = @suspension where id = @id`,
  );
  const setLifecycle = write(database, "update sandboxes set lifecycle = @lifecycle where id = @id");
  const setEgress = write(database, "update sandboxes set egress = @egress where id = @id");
  const setOrigin = write(
    database,
    `update sandboxes set snapshot_id = @snapshotId, forked_from = null, entrypoint_exec_id = @entrypointExecId
       where id = @id`,
  );
  const select = selectByFilter<Row>(database);
  return {
    insert: inserter(database),
    setLabels: labelSetter(database),
    setLifecycle: (id: string, policy: LifecyclePolicy): void =>
      void setLifecycle({ id, lifecycle: JSON.stringify(policy) }),
    setEgress: (id: string, egress: EgressChoice): void => void setEgress({ id, egress: JSON.stringify(egress) }),
    /** It comes from this snapshot now, with the program that has this id. */
    setOrigin: (id: string, { snapshotId, entrypointExecId }: Origin): void =>
      void setOrigin({ id, snapshotId, entrypointExecId: entrypointExecId ?? null }),
    find(id: string): SandboxRecord | undefined {
      const row = find({ id });
      return row && toRecord(row);
    },
    update: (id: string, progress: SandboxProgress): void =>
      void update({
        ...progress,
        id,
        stateDetails: JSON.stringify(progress.stateDetails),
        suspension: written(progress.suspension),
      }),
    remove: (id: string): void => void remove({ id }),
    all: (): SandboxRecord[] => everything().map(toRecord),
    /** Newest first. */
    list: (filter: LabelFilter, page: { readonly limit: number; readonly offset: number }): SandboxRecord[] =>
      select.rows(filter, page).map(toRecord),
    count: (filter: LabelFilter): number => select.count(filter),
    countByState: (): Partial<Record<SandboxState, number>> =>
      Object.fromEntries(states().map(({ state, count }) => [state, count])),
  };
}

function inserter(database: Database.Database): (record: SandboxRecord) => void {
  const insert = write(
    database,
    `insert into sandboxes (id, group_name, engine, state, desired_state, state_details, image, cpu_millicores,
       memory_mib, disk_mib, labels, environment, entrypoint, cmd, working_directory, entrypoint_exec_id, generation,
       created_at, image_is_public, image_key, image_config, asked_program, entrypoint_secrets, snapshot_id,
       forked_from, snapshot_from, entropy, lifecycle, activation_mode, suspension, egress, maker)
     values (@id, @group_name, @engine, @state, @desired_state, @state_details, @image, @cpu_millicores,
       @memory_mib, @disk_mib, @labels, @environment, @entrypoint, @cmd, @working_directory, @entrypoint_exec_id,
       @generation, @created_at, @image_is_public, @image_key, @image_config, @asked_program,
       @entrypoint_secrets, @snapshot_id, @forked_from, @snapshot_from, @entropy, @lifecycle, @activation_mode, @suspension, @egress, @maker)`,
  );
  const index = labelIndexer(database);
  return (record) => {
    const { rowId: sequence } = insert(toRow(record));
    index({ group: record.group, labels: record.labels, sequence });
  };
}

/** Replaces the labels of a sandbox, in its row and in the index. */
function labelSetter(database: Database.Database): (id: string, labels: Labels) => void {
  const place = one<{ sequence: number; group: string }>(
    database,
    "select sequence, group_name as [group] from sandboxes where id = @id",
  );
  const update = write(database, "update sandboxes set labels = @labels where sequence = @sequence");
  const clear = write(database, "delete from sandbox_labels where sequence = @sequence");
  const index = labelIndexer(database);
  return (id, labels) => {
    const found = place({ id });
    if (found === undefined) return;
    update({ sequence: found.sequence, labels: JSON.stringify(labels) });
    clear({ sequence: found.sequence });
    index({ ...found, labels });
  };
}

function labelIndexer(database: Database.Database) {
  const insert = write(
    database,
    "insert into sandbox_labels (group_name, key, value, sequence) values (@group, @key, @value, @sequence)",
  );
  return ({ group, labels, sequence }: { group: string; labels: Labels; sequence: number }) => {
    for (const [key, value] of Object.entries(labels)) insert({ group, key, value, sequence });
  };
}

interface Row {
  readonly id: string;
  readonly group_name: string;
  readonly engine: string;
  readonly state: SandboxState;
  readonly desired_state: Sandbox["desiredState"];
  readonly state_details: string;
  readonly image: string;
  readonly image_is_public: number;
  readonly image_key: string;
  readonly image_config: string;
  readonly asked_program: string;
  readonly entrypoint_secrets: string;
  readonly cpu_millicores: number;
  readonly memory_mib: number;
  readonly disk_mib: number;
  readonly labels: string;
  readonly environment: string;
  readonly entrypoint: string;
  readonly cmd: string;
  readonly working_directory: string | null;
  readonly entrypoint_exec_id: string | null;
  readonly generation: number;
  readonly snapshot_id: string | null;
  readonly forked_from: string | null;
  readonly snapshot_from: "Memory" | "Disk" | null;
  readonly entropy: string | null;
  readonly activation_mode: ActivationMode;
  readonly suspension: string | null;
  readonly created_at: number;
  readonly lifecycle: string;
  readonly egress: string;
  readonly maker: string | null;
}

function toRow(record: SandboxRecord): Parameters & Row {
  return {
    id: record.id,
    group_name: record.group,
    engine: record.engine,
    state: record.state,
    desired_state: record.desiredState,
    state_details: JSON.stringify(record.stateDetails),
    image: record.image,
    image_is_public: record.imageIsPublic ? 1 : 0,
    image_key: record.imageKey,
    image_config: JSON.stringify(record.imageConfig),
    asked_program: JSON.stringify(record.askedProgram),
    entrypoint_secrets: JSON.stringify(record.entrypointSecrets),
    cpu_millicores: record.size.cpuMillicores,
    memory_mib: record.size.memoryMiB,
    disk_mib: record.size.diskMiB,
    labels: JSON.stringify(record.labels),
    environment: JSON.stringify(record.environment),
    entrypoint: JSON.stringify(record.entrypoint),
    cmd: JSON.stringify(record.cmd),
    working_directory: record.workingDirectory ?? null,
    entrypoint_exec_id: record.entrypointExecId ?? null,
    generation: record.generation,
    snapshot_id: record.snapshotId ?? null,
    forked_from: record.forkedFrom ?? null,
    snapshot_from: record.snapshotFrom ?? null,
    entropy: record.entropy ?? null,
    activation_mode: record.activationMode,
    suspension: written(record.suspension),
    created_at: record.createdAt,
    lifecycle: JSON.stringify(record.lifecycle),
    egress: JSON.stringify(record.egress),
    maker: record.maker ?? null,
  };
}

function written(suspension: Suspension | undefined): string | null {
  return suspension === undefined ? null : JSON.stringify(suspension);
}

function toRecord(row: Row): SandboxRecord {
  return {
    id: row.id,
    group: row.group_name,
    engine: row.engine,
    state: row.state,
    desiredState: row.desired_state,
    stateDetails: JSON.parse(row.state_details),
    image: row.image,
    imageIsPublic: row.image_is_public === 1,
    imageKey: row.image_key,
    imageConfig: JSON.parse(row.image_config),
    askedProgram: JSON.parse(row.asked_program),
    entrypointSecrets: JSON.parse(row.entrypoint_secrets),
    size: { cpuMillicores: row.cpu_millicores, memoryMiB: row.memory_mib, diskMiB: row.disk_mib },
    labels: JSON.parse(row.labels),
    environment: JSON.parse(row.environment),
    entrypoint: JSON.parse(row.entrypoint),
    cmd: JSON.parse(row.cmd),
    workingDirectory: row.working_directory ?? undefined,
    entrypointExecId: row.entrypoint_exec_id ?? undefined,
    generation: row.generation,
    snapshotId: row.snapshot_id ?? undefined,
    forkedFrom: row.forked_from ?? undefined,
    snapshotFrom: row.snapshot_from ?? undefined,
    entropy: row.entropy ?? undefined,
    activationMode: row.activation_mode,
    suspension: row.suspension === null ? undefined : JSON.parse(row.suspension),
    createdAt: row.created_at,
    lifecycle: JSON.parse(row.lifecycle),
    egress: JSON.parse(row.egress),
    maker: row.maker ?? undefined,
  };
}

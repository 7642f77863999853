/**
 * What an engine is: it makes machines, each with a boundary around it and an agent inside that is reached through a
 * channel (agent/PROTOCOL.md). Everything above knows engines through this file only.
 *
 * To add an engine: 1. a folder beside this file that exports a function making an `Engine`  2. a test that calls
 * `suite.ts` with it  3. a line in main.ts, strongest engine first.
 */
import type { Size } from "@alcove/contract";
import type { Guest } from "../guest/guest.js";

export interface Engine {
  readonly name: string;
  /** How machines are run: kvm, tcg, in-process. Known after `probe`. */
  readonly accelerator: string;
  /** Finds out whether the engine works on this host, by trying. Cached by the engine as long as nothing it depends on changed. */
  probe(signal?: AbortSignal): Promise<Probe>;
  /** Makes sure that a template for this image and size is there. May take a minute the first time; concurrent calls share the work. */
  prepare(disk: DiskImage, size: Size, options: PrepareOptions): Promise<void>;
  /** Starts a machine and renews it; when this answers, the guest takes calls. Prepares first if need be. Undoes its own work when it fails. */
  start(spec: MachineSpec, signal: AbortSignal): Promise<Machine>;
  /** Finds machines that an earlier daemon left running, reconnects to each that answers, and removes everything that `owned` does not claim. */
  recover(owned: Owned, signal: AbortSignal): Promise<Recovery>;
  readonly builders?: Builders;
  readonly saves?: Saves;
  readonly templates?: Templates;
  readonly volumes?: Volumes;
  /** Files that an unfinished work left behind and that nobody stands on; `remove` takes them away. What may still be in the making is not among them. */
  leftovers?(options: { readonly remove: boolean }, signal: AbortSignal): Promise<readonly Leftover[]>;
  /** What it keeps on the host's disk, by kind; a file with several names counts once. */
  diskUse?(signal: AbortSignal): Promise<readonly DiskUse[]>;
  /** What a machine of this size costs the host at the most: for the queue of creations. */
  cost(size: Size): { readonly memoryMiB: number };
  /** Lets go of connections and watches. Machines go on running. */
  close(): Promise<void>;
}

export interface DiskUse {
  readonly kind: "templates" | "snapshots" | "suspended" | "running" | "layers" | "memories" | "volumes" | "builds";
  readonly count: number;
  readonly bytes: number;
  /** How many of them something stands on, where that is counted. */
  readonly inUse?: number;
}

export interface Leftover {
  readonly kind: "layers" | "memories";
  readonly name: string;
  readonly bytes: number;
}

/** What `prepare` made. Nothing but time is lost with one that nothing stands on: it is made anew. */
export interface Templates {
  list(signal: AbortSignal): Promise<readonly TemplateFacts[]>;
  /** TemplateInUse where something stands on it. Succeeds when it is gone already. */
  remove(key: string, signal: AbortSignal): Promise<void>;
  /** Makes it anew; what stands on the old one goes on standing on it. TemplateNotFound, ImageNotReady where its image is gone. */
  rebuild(key: string, options: PrepareOptions): Promise<TemplateFacts>;
}

export interface TemplateFacts {
  readonly key: string;
  /** Name of its image when it was made. */
  readonly image: string;
  /** Undefined where an older Alcove made it. */
  readonly size: Size | undefined;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly isCurrent: boolean;
  /** Ids of the sandboxes and snapshots that stand on it. */
  readonly users: readonly string[];
}

export interface Probe {
  readonly works: boolean;
  /** Sentences: what the host lacks, or what is slower or weaker than it could be, each with its remedy. */
  readonly findings: readonly Finding[];
}

export interface Finding {
  /** Stable name of what was looked at: kvm, qemu, kernel, disk, cgroups, namespaces, memory, … */
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  readonly sentence: string;
  /** A command that mends it. */
  readonly remedy?: string;
}

/**
 * Ids of sandboxes and snapshots that are on record. One that was stopping or resuming when the daemon died is both running and
 * suspended: whichever is whole is kept, one of them where both are.
 */
export interface Owned {
  readonly running: ReadonlySet<string>;
  readonly suspended: ReadonlySet<string>;
  readonly snapshots: ReadonlySet<string>;
  /** Left out: all are left alone. */
  readonly volumes?: ReadonlySet<string>;
}

/** Disks that outlive the machines that have them, each with an ext4 file system. */
export interface Volumes {
  /** By which a guest finds what is behind a slot of its machine. A machine has as many disks at the most. */
  readonly serials: readonly string[];
  /** Whole or not there. */
  create(id: string, bytes: number, signal: AbortSignal): Promise<void>;
  /** Of one that no machine has. Whole or not there. VolumeInUse where a machine was given it meanwhile. */
  copy(from: string, to: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes `to` what the volume `from` was when the snapshot was taken, in no time: neither has a byte of its own before it is written to. Whatever was on `to`
   * is lost, and no machine may have it. SnapshotIncompatible where the snapshot has nothing of `from`.
   */
  restore(
    snapshotId: string,
    volume: { readonly from: string; readonly to: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** Whether nothing was written to `to` since it was what `from` is in the snapshot. */
  isAsIn(snapshotId: string, volume: { readonly from: string; readonly to: string }): Promise<boolean>;
  /** Succeeds when it is gone already. */
  remove(id: string): Promise<void>;
  /** What it takes of the host's disk. */
  usedBytes(id: string): Promise<number>;
}

/** A volume behind a slot. */
export interface DataDisk {
  readonly volumeId: string;
  /** From 0. */
  readonly slot: number;
  /** What the guest writes all the same never gets onto it. */
  readonly isReadOnly: boolean;
}

/** Builds an image's disk in a machine of its own, so that what is in a layer stays there. */
export interface Builders {
  /** Of a builder's machine: it takes of the host as others do. */
  readonly size: Size;
  open(build: DiskBuild, signal: AbortSignal): Promise<DiskBuilder>;
}

/** With its memory, or the disk alone: then the guest boots when it goes on. */
export type SaveMode = "Memory" | "Disk";

/**
 * What is kept of machines that do not run: suspended ones, each once and under its sandbox's id, and snapshots, which never
 * change and stand on no sandbox. Both may stand on images, templates and other snapshots; those are kept as long as need be.
 */
export interface Saves {
  /** Makes a snapshot of a suspended sandbox, and of these volumes, which are its. Whole or not there. */
  snapshotSuspended(
    sandboxId: string,
    snapshotId: string,
    options: { readonly volumes: readonly DataDisk[] },
    signal: AbortSignal,
  ): Promise<Saved>;
  /** SnapshotIncompatible where no machine of this size goes on from it on this host. */
  check(origin: MachineOrigin, size: Size, signal: AbortSignal): Promise<void>;
  /** Makes a snapshot cheap to start many machines from; they share what they do not change. DiskFull where less than this would stay free. */
  share(snapshotId: string, options: { readonly keptFreeBytes: number }, signal: AbortSignal): Promise<void>;
  /** What it takes now; it shrinks when it is compressed in the background. */
  sizeOf(kept: Kept): Promise<SavedSize>;
  /** Succeeds when it is gone already. Bytes that others stand on stay until those are gone. */
  remove(kept: Kept): Promise<void>;
  /** Writes the disk as a raw image that stands on nothing, to a path that is not there yet. */
  writeDisk(kept: Kept, path: string, signal: AbortSignal): Promise<void>;
  /** An empty directory on the disk where snapshots are kept, for `pack` and `unpack`; what a killed daemon leaves of it goes with `recover`. */
  workplace(): Promise<Workplace>;
  /** Writes all that a snapshot is into the directory, as files that stand on nothing of this host's. */
  pack(snapshotId: string, directory: string, signal: AbortSignal): Promise<Packed>;
  /** Makes a snapshot of the files in the directory. They are hostile: InvalidRequest where they are not what `pack` writes of this size. Whole or not there. */
  unpack(snapshotId: string, packed: Packed & { readonly size: Size }, signal: AbortSignal): Promise<Saved>;
}

export interface Workplace extends AsyncDisposable {
  readonly directory: string;
}

export interface Packed {
  readonly directory: string;
  /** Names of files in it. */
  readonly files: readonly string[];
  /** What only the engine understands, as JSON. */
  readonly facts: unknown;
}

export type Kept =
  | { readonly kind: "suspended"; readonly sandboxId: string }
  | { readonly kind: "snapshot"; readonly snapshotId: string };

export interface Saved {
  /** Why the machine that was suspended is not cleared away; what was kept of it is whole all the same. */
  readonly left?: string;
  readonly mode: SaveMode;
  /** The users' processes stood still while it was taken; if not, they may notice. */
  readonly isFrozen: boolean;
  /** How long the machine stood still. */
  readonly pausedMs: number;
  readonly size: SavedSize;
}

export interface SavedSize {
  /** On the disk, of its own: gone with it. */
  readonly ownBytes: number;
  /** Of images, templates and snapshots that it stands on with others. */
  readonly sharedBytes: number;
}

/** A root file system as a raw disk that is never written again. */
export interface DiskImage {
  readonly name: string;
  /** Digest of its content's origin: part of a template's key. */
  readonly digest: string;
  /** Path of the raw image on this host. */
  readonly path: string;
  /** Programs to run once while a template is made, so that their pages are warm. */
  readonly warm: readonly (readonly string[])[];
}

export interface DiskBuild {
  /** Of the build, and of its machine: no sandbox has it. */
  readonly id: string;
  /** A raw image with an empty ext4 file system, which nobody else writes to until the builder is disposed of. */
  readonly diskPath: string;
}

/**
 * A machine that unpacks layers onto a disk. A layer that is refused (InvalidRequest, DiskFull) leaves a disk that is of no use.
 * Its disposal ends it, whatever it is doing; the disk stays, and is whole only if `finish` answered.
 */
export interface DiskBuilder extends AsyncDisposable {
  /** Unpacks one layer, a tar that is not compressed, over what is there, its whiteouts with it. One at a time. */
  apply(
    layer: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly entries: number; readonly bytes: number }>;
  /** Adds what every sandbox needs, and writes all of it to the disk; answers what is used of it. */
  finish(signal: AbortSignal): Promise<{ readonly files: number; readonly bytes: number }>;
}

export interface PrepareOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (sentence: string, fraction: number) => void;
}

export interface MachineSpec {
  /** The sandbox's id. */
  readonly id: string;
  readonly disk: DiskImage;
  readonly size: Size;
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Greater with every start of the same sandbox. */
  readonly generation: number;
  /** What it goes on from; left out, from the template of its disk and size. Fails with SnapshotIncompatible where that does not fit this host any more. */
  readonly origin?: MachineOrigin;
  /** PEM: whom its programs shall believe beside what its image says. */
  readonly certificates?: string;
  /** Which it has instead of those of the snapshot that it goes on from, each in the slot where its memory has one. */
  readonly volumes?: readonly DataDisk[];
  /** Mixed into the random numbers in place of bytes of the host, so that a run can be repeated: at least 64 bytes. */
  readonly entropy?: Uint8Array;
}

/**
 * A suspended sandbox's is used up when it runs. From the disk: its memory is not looked at, the guest boots; it finds all that was written before a
 * snapshot or a stop in mode Disk, and what a power cut would have left where it was suspended with its memory.
 */
export type MachineOrigin = Kept & { readonly from: SaveMode };

export interface Machine {
  readonly id: string;
  readonly guest: Guest;
  /** Fulfils when the machine is gone, by itself or by `destroy`; never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Calls the listener when the machine is held by the host (its disk is full) and when it goes on. Answers how to stop listening. */
  onHold(listener: (hold: { readonly reason: "DiskFull" } | undefined) => void): () => void;
  /**
   * Freezes the users' processes, keeps disk and memory of one paused instant, and ends the machine; `start` with this origin
   * goes on from there. A guest that resists the freeze is suspended all the same. When it fails the machine runs on.
   */
  suspend?(mode: SaveMode, signal: AbortSignal): Promise<Saved>;
  /**
   * Keeps disk, memory and volumes of one paused instant under the id; the machine goes on at once. A guest that resists the freeze: FreezeRefused
   * where `mustFreeze`. Without volumes, where only the disk is wanted.
   */
  snapshot?(snapshotId: string, options: SnapshotOptions, signal: AbortSignal): Promise<Saved>;
  /** Puts the volume behind the slot; one that is suspended with its memory has it when it goes on. Does nothing where it is there already. */
  attach?(disk: DataDisk, signal: AbortSignal): Promise<void>;
  /** Those that it has, or may have where an `attach` failed. */
  readonly dataDisks?: readonly DataDisk[];
  /** The guest must have let go of it. Does nothing where it is not there. */
  detach?(volumeId: string, signal: AbortSignal): Promise<void>;
  /** The last bytes of the guest's console, at most 64 KiB; hostile. */
  console(): Promise<Uint8Array>;
  /** Ends the machine at once and removes everything of it. Succeeds when it is gone already. */
  destroy(): Promise<void>;
}

export interface SnapshotOptions {
  readonly mustFreeze: boolean;
  readonly leavesVolumes?: boolean;
}

export interface MachineEnd {
  readonly reason: "GuestExited" | "EngineLost" | "Destroyed" | "Suspended";
  /** A sentence with what was seen last. */
  readonly message: string;
}

export interface Recovery {
  readonly machines: readonly Machine[];
  /** Owned ids of which neither a machine nor anything suspended is there, with why. One that is owned as both, and of which both are there, is suspended. */
  readonly lost: ReadonlyMap<string, { readonly reason: "EngineLost" | "HostRestarted"; readonly message: string }>;
  /** Owned ids of which nothing whole is there. */
  readonly lostSnapshots?: ReadonlySet<string>;
  /** What was removed because nobody claimed it: sentences, for the log. */
  readonly removed: readonly string[];
}

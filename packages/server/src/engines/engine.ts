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
  recover(owned: ReadonlySet<string>, signal: AbortSignal): Promise<Recovery>;
  /** Builds an image's disk in a machine of its own, so that what is in a layer stays there. */
  openBuilder?(build: DiskBuild, signal: AbortSignal): Promise<DiskBuilder>;
  /** Of a builder's machine: it takes of the host as others do. */
  readonly builderSize?: Size;
  /** What a machine of this size costs the host at the most: for the queue of creations. */
  cost(size: Size): { readonly memoryMiB: number };
  /** Lets go of connections and watches. Machines go on running. */
  close(): Promise<void>;
}

export interface Probe {
  readonly works: boolean;
  /** Sentences: what the host lacks, or what is slower or weaker than it could be, each with its remedy. */
  readonly findings: readonly Finding[];
}

export interface Finding {
  /** Stable name of what was looked at: kvm, qemu, kernel, disk, cgroups, namespaces, … */
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  readonly sentence: string;
  /** A command that mends it. */
  readonly remedy?: string;
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
}

export interface Machine {
  readonly id: string;
  readonly guest: Guest;
  /** Fulfils when the machine is gone, by itself or by `destroy`; never rejects. */
  readonly ended: Promise<MachineEnd>;
  /** Calls the listener when the machine is held by the host (its disk is full) and when it goes on. Answers how to stop listening. */
  onHold(listener: (hold: { readonly reason: "DiskFull" } | undefined) => void): () => void;
  /** The last bytes of the guest's console, at most 64 KiB; hostile. */
  console(): Promise<Uint8Array>;
  /** Ends the machine at once and removes everything of it. Succeeds when it is gone already. */
  destroy(): Promise<void>;
}

export interface MachineEnd {
  readonly reason: "GuestExited" | "EngineLost" | "Destroyed";
  /** A sentence with what was seen last. */
  readonly message: string;
}

export interface Recovery {
  readonly machines: readonly Machine[];
  /** Owned ids whose machine is gone, with why. */
  readonly lost: ReadonlyMap<string, { readonly reason: "EngineLost" | "HostRestarted"; readonly message: string }>;
  /** What was removed because nobody claimed it: sentences, for the log. */
  readonly removed: readonly string[];
}

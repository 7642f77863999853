/** Where everything of a machine lies. A machine's files are under the data directory, its sockets under the runtime directory. */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

export interface MachinePaths {
  /** Holds what must survive: the disk and the record. */
  readonly directory: string;
  readonly record: string;
  readonly overlay: string;
  /** Zeros as large as the memory: what a machine maps that booted from its disk. */
  readonly blankMemory: string;
  /** Carries large contents into and out of the guest. */
  readonly exchange: string;
  /** Holds the sockets. */
  readonly runtime: string;
  readonly qmp: string;
  readonly agent: string;
  readonly host: string;
}

export interface Roots {
  readonly dataDirectory: string;
  readonly runtimeDirectory: string;
}

export const sandboxesDirectory = (roots: Roots) => join(roots.dataDirectory, "sandboxes");
export const templatesDirectory = (roots: Roots) => join(roots.dataDirectory, "templates");
/** Machines that build images; nothing in it outlives its daemon. */
export const buildersDirectory = (roots: Roots) => join(roots.dataDirectory, "builders");
/** Suspended machines, and snapshots: what is kept of machines that do not run, each in a directory of its own. */
export const suspendedDirectory = (roots: Roots) => join(roots.dataDirectory, "suspended");
export const snapshotsDirectory = (roots: Roots) => join(roots.dataDirectory, "snapshots");
/** Disks that are never written again, counted by those that stand on them. */
export const layersDirectory = (roots: Roots) => join(roots.dataDirectory, "layers");
/** Memories of snapshots from which many machines start. */
export const memoriesDirectory = (roots: Roots) => join(roots.dataDirectory, "memories");
/** Volumes, each in a directory of its own. */
export const volumesDirectory = (roots: Roots) => join(roots.dataDirectory, "volumes");
export const socketsDirectory = (roots: Roots) => join(roots.runtimeDirectory, "m");

/** Makes the directories that everything else lies in. */
export async function makeRoots(roots: Roots): Promise<void> {
  const kept = [suspendedDirectory, snapshotsDirectory, layersDirectory, memoriesDirectory, volumesDirectory];
  const places = [sandboxesDirectory, templatesDirectory, buildersDirectory, socketsDirectory, ...kept];
  for (const directory of places.map((place) => place(roots))) {
    await mkdir(directory, { recursive: true, mode: 0o711 });
  }
}

export interface KeptPaths {
  readonly directory: string;
  /** Written last: without it nothing is kept. */
  readonly manifest: string;
  /** The pages that the guest had changed (memory-diff.ts). */
  readonly memory: string;
  /** The devices, as QEMU saved them. */
  readonly state: string;
}

export function keptPathsIn(directory: string): KeptPaths {
  return {
    directory,
    manifest: join(directory, "manifest.json"),
    memory: join(directory, "memory.diff"),
    state: join(directory, "state"),
  };
}

/** A whole memory that many machines map. */
export const sharedMemoryPath = (roots: Roots, id: string) => join(memoriesDirectory(roots), id);
export const layerPath = (roots: Roots, layer: string) => join(layersDirectory(roots), `${layer}.qcow2`);

/** The kernel takes 107; some are left for what stands beside them. */
const longestSocketPathBytes = 100;

export function machinePaths(roots: Roots, id: string): MachinePaths {
  const directory = join(sandboxesDirectory(roots), id);
  return pathsIn(directory, join(socketsDirectory(roots), shortId(id)));
}

export function builderPaths(roots: Roots, id: string): MachinePaths {
  return pathsIn(join(buildersDirectory(roots), id), join(socketsDirectory(roots), shortId(id)));
}

export function pathsIn(directory: string, runtime: string): MachinePaths {
  const agent = join(runtime, "agent");
  if (Buffer.byteLength(agent) >= longestSocketPathBytes) {
    throw new RangeError(
      `the runtime directory's path is too long for sockets: ${agent}; set ALCOVE_RUNTIME_DIR to a shorter one`,
    );
  }
  return {
    directory,
    record: join(directory, "machine.json"),
    overlay: join(directory, "overlay.qcow2"),
    blankMemory: join(directory, "blank"),
    exchange: join(directory, "exchange"),
    runtime,
    qmp: join(runtime, "qmp"),
    agent,
    host: join(runtime, "host"),
  };
}

/** Twelve hexadecimal digits that stand for a sandbox's id where paths must be short. */
export function shortId(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 12);
}

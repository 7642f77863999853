/**
 * Takes a snapshot of a machine that goes on: paused for as long as its changed pages are copied, and until its disk has a new
 * layer on top. What was below is never written again, and belongs to the machine and the snapshot alike.
 */
import { randomUUID } from "node:crypto";
import { link, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import { syncPath } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { Saved } from "../../engine.js";
import { rootDiskNode } from "../machine/command-line.js";
import type { Footing } from "../machine/footing.js";
import { diskBytesOf, type MachineHost } from "../machine/machine-host.js";
import {
  type KeptPaths,
  layerPath,
  layersDirectory,
  type MachinePaths,
  machinePaths,
} from "../machine/machine-paths.js";
import { rewriteMachineRecord } from "../machine/machine-record.js";
import { writeOverlay } from "../machine/overlay.js";
import type { Qmp } from "../qmp/qmp.js";
import { keepDevices, keepMemory } from "./keeping.js";
import { keptPaths, type Manifest, makeKept } from "./kept.js";
import { sizeOfKept } from "./saved-size.js";
import { takeOver } from "./saves-recovery.js";
import { freezeGuest, linkLayer, manifestOf, type Suspendable, syncGuest } from "./suspension.js";

const letRunMs = 10_000;
/** A host's disk that keeps QEMU from answering so often is not one to write a layer to. */
const timesAsked = 6;

export interface SnapshotOrder {
  readonly snapshotId: string;
  readonly mustFreeze: boolean;
  /** Told when the machine stands on the layer that its disk has become. */
  readonly onLayered: (footing: Footing) => void;
}

export async function snapshotMachine(
  host: MachineHost,
  machine: Suspendable,
  order: SnapshotOrder,
  signal: AbortSignal,
): Promise<Saved> {
  const kept = { kind: "snapshot", snapshotId: order.snapshotId } as const;
  await syncGuest(machine, signal);
  const isFrozen = await freezeGuest(machine, signal);
  if (!isFrozen && order.mustFreeze) {
    await machine.guest.thaw(AbortSignal.timeout(letRunMs));
    const message = `Processes of ${machine.id} did not stand still within the time that a snapshot waits for them.`;
    throw new AlcoveError("FreezeRefused", message);
  }
  const manifest = await makeKept(keptPaths(host.roots, kept), async (paths) => {
    const manifest = await takePaused(host, machine, { order, paths, isFrozen }, signal);
    const layers = manifest.footing.layers.slice(0, 1).map((layer) => layerPath(host.roots, layer));
    await Promise.all(layers.map((layer) => takeOver(layer, machine.uid)));
    await Promise.all([...layers, paths.memory, paths.state, layersDirectory(host.roots)].map(syncPath));
    return manifest;
  }).catch(async (error: unknown) => {
    throw await undone(error, async () => {
      // Where it did not even come to the pause, nobody else does.
      await machine.guest.thaw(AbortSignal.timeout(letRunMs)).catch(() => undefined);
      await host.holdings.release(kept);
    });
  });
  const size = await sizeOfKept(host.roots, kept, manifest);
  return { mode: "Memory", isFrozen, pausedMs: manifest.pausedMs, size };
}

interface Taking {
  readonly order: SnapshotOrder;
  readonly paths: KeptPaths;
  readonly isFrozen: boolean;
}

async function takePaused(
  host: MachineHost,
  machine: Suspendable,
  { order, paths, isFrozen }: Taking,
  signal: AbortSignal,
): Promise<Manifest> {
  const layer = randomUUID();
  const began = performance.now();
  try {
    await machine.qmp.execute("stop", {}, signal);
    await Promise.all([keepMemory(host, machine, paths, signal), keepDevices(host, machine, paths, signal)]);
    const next = await layDisk(host, machine, layer);
    const manifest = manifestOf(host, machine, { id: order.snapshotId, mode: "Memory", layer, isFrozen, began });
    host.holdings.hold({ kind: "machine", id: machine.id }, manifest.footing);
    // From now on, so that the layer stays where the machine is destroyed before the snapshot is whole.
    host.holdings.hold({ kind: "snapshot", snapshotId: order.snapshotId }, manifest.footing);
    order.onLayered(manifest.footing);
    await settleLayer(machinePaths(host.roots, machine.id), next, manifest.footing);
    return { ...manifest, pausedMs: Math.round(performance.now() - began) };
  } finally {
    await letRun(machine);
  }
}

/**
 * From here on QEMU writes to a new disk on top of the layer. A daemon that is killed meanwhile finds in the record which layer
 * was being laid, and asks QEMU whether it was. It takes no signal: half of it is of no use.
 */
export async function layDisk(host: MachineHost, machine: Suspendable, layer: string): Promise<string> {
  const { id, uid, footing, qmp } = machine;
  const paths = machinePaths(host.roots, id);
  const below = layerPath(host.roots, layer);
  const next = nextDisk(paths.directory, layer);
  const backing = { path: below, format: "qcow2" } as const;
  try {
    await (await linkLayer(host, machine, layer)).close();
    await writeOverlay(next, backing, { virtualBytes: diskBytesOf(footing.size), owner: uid });
    await rewriteMachineRecord(paths.record, { layering: layer, footing });
    const args = { device: rootDiskNode, "snapshot-file": next, format: "qcow2", mode: "existing" };
    await qmp.execute("blockdev-snapshot-sync", args, AbortSignal.timeout(letRunMs));
    return next;
  } catch (error) {
    if (qmp.isClosed) throw error;
    if (isLate(error) && (await isLaid(qmp, next))) return next;
    throw await undone(error, async () => {
      await Promise.all([next, below].map((path) => rm(path, { force: true })));
      await rewriteMachineRecord(paths.record, { layering: undefined });
    });
  }
}

function isLate(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

/** QEMU answers one thing after the other: when it answers this, it has done what came before, or has not. */
async function isLaid(qmp: Qmp, next: string): Promise<boolean> {
  for (let asked = 1; ; asked++) {
    try {
      const activeDisk = await activeDiskOf(qmp, AbortSignal.timeout(letRunMs));
      return basename(activeDisk) === basename(next);
    } catch (error) {
      if (!isLate(error) || asked === timesAsked)
        throw new DiskInDoubt("QEMU does not say which disk it writes to.", { cause: error });
    }
  }
}

/** The file that QEMU writes the root disk to; empty where it says none. */
export async function activeDiskOf(qmp: Qmp, signal: AbortSignal): Promise<string> {
  const devices = BlockDevices.parse(await qmp.execute("query-block", {}, signal));
  return devices.find(({ device }) => device === rootDiskNode)?.inserted?.file ?? "";
}

const BlockDevices = z.array(
  z.object({ device: z.string(), inserted: z.object({ file: z.string().max(4096) }).optional() }),
);

/** Nothing may be kept of the machine any more: what it writes may be in either of two files, and both stay. */
export class DiskInDoubt extends Error {}

/**
 * What QEMU writes to now gets the name that a machine's disk has, beside the one that QEMU knows: by that one QEMU opens it
 * again, only for reading, when the next layer is laid.
 */
async function settleLayer(paths: MachinePaths, next: string, footing: Footing): Promise<void> {
  const renamed = `${paths.overlay}.new`;
  await rm(renamed, { force: true });
  await link(next, renamed);
  await rename(renamed, paths.overlay);
  for (const name of await readdir(paths.directory)) {
    if (name.startsWith(nextPrefix) && name !== basename(next)) await rm(join(paths.directory, name), { force: true });
  }
  await rewriteMachineRecord(paths.record, { layering: undefined, footing });
}

const nextPrefix = "next-";

function nextDisk(directory: string, layer: string): string {
  return join(directory, `${nextPrefix}${layer}.qcow2`);
}

/** For a machine that was found with a layer half laid: what it stands on in truth. */
export async function finishLayer(
  host: Pick<MachineHost, "roots">,
  machine: { readonly id: string; readonly footing: Footing; readonly layering: string; readonly activeDisk: string },
): Promise<Footing> {
  const paths = machinePaths(host.roots, machine.id);
  const next = nextDisk(paths.directory, machine.layering);
  if (basename(machine.activeDisk) !== basename(next)) {
    await rm(next, { force: true });
    await rewriteMachineRecord(paths.record, { layering: undefined });
    return machine.footing;
  }
  const footing = { ...machine.footing, layers: [machine.layering, ...machine.footing.layers] };
  await settleLayer(paths, next, footing);
  return footing;
}

async function letRun({ qmp, guest }: Suspendable): Promise<void> {
  const signal = AbortSignal.timeout(letRunMs);
  await qmp.execute("cont", {}, signal);
  await guest.thaw(signal);
}

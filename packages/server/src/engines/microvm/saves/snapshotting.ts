/**
 * Takes a snapshot of a machine that goes on: paused for as long as its changed pages are copied, and until its disk has a new
 * layer on top. What was below is never written again, and belongs to the machine and the snapshot alike.
 */
import { randomUUID } from "node:crypto";
import { AlcoveError } from "@alcove/contract";
import { syncPath } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { Saved, SnapshotOptions } from "../../engine.js";
import type { Footing } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { type KeptPaths, layerPath, layersDirectory, machinePaths } from "../machine/machine-paths.js";
import { type FrozenUnder, freezeUnder } from "../volumes/freezing.js";
import { requireRoomForLayers } from "../volumes/volume-layers.js";
import { layDisks, settleLayer } from "./disk-laying.js";
import { keepDevices, keepMemory } from "./keeping.js";
import { keptPaths, type Manifest, makeKept } from "./kept.js";
import { sizeOfKept } from "./saved-size.js";
import { takeOver } from "./saves-recovery.js";
import { freezeGuest, manifestOf, type Suspendable, syncGuest } from "./suspension.js";

const letRunMs = 10_000;

export interface SnapshotOrder extends SnapshotOptions {
  readonly snapshotId: string;
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
  const disks = order.leavesVolumes === true ? [] : (machine.footing.volumes ?? []);
  await requireRoomForLayers(host, disks);
  await syncGuest(machine, signal);
  const isFrozen = await freezeGuest(machine, signal);
  if (!isFrozen && order.mustFreeze) {
    await machine.guest.thaw(AbortSignal.timeout(letRunMs));
    const message = `Processes of ${machine.id} did not stand still within the time that a snapshot waits for them.`;
    throw new AlcoveError("FreezeRefused", message);
  }
  const manifest = await makeKept(keptPaths(host.roots, kept), async (paths) => {
    const volumes = await freezeUnder(host, machine, disks, signal);
    const manifest = await takePaused(host, machine, { order, paths, isFrozen, volumes }, signal);
    const layers = manifest.footing.layers.slice(0, 1).map((layer) => layerPath(host.roots, layer));
    await Promise.all(layers.map((layer) => takeOver(layer, machine.uid)));
    // What programs wrote until the pause.
    const ofVolumes = volumes.frozen.flatMap(({ frozen }) => frozen?.layers.slice(0, 1) ?? []);
    const written = [...layers, ...ofVolumes.map((layer) => layerPath(host.roots, layer))];
    await Promise.all([...written, paths.memory, paths.state, layersDirectory(host.roots)].map(syncPath));
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
  readonly volumes: FrozenUnder;
}

async function takePaused(
  host: MachineHost,
  machine: Suspendable,
  { order, paths, isFrozen, volumes }: Taking,
  signal: AbortSignal,
): Promise<Manifest> {
  const layer = randomUUID();
  const began = performance.now();
  try {
    await machine.qmp.execute("stop", {}, signal);
    await Promise.all([keepMemory(host, machine, paths, signal), keepDevices(host, machine, paths, signal)]);
    const next = await layDisks(host, machine, { layer, volumes: volumes.drives });
    const manifest = manifestOf(host, machine, { id: order.snapshotId, mode: "Memory", layer, isFrozen, began });
    const footing = { ...manifest.footing, volumes: volumes.frozen };
    host.holdings.hold({ kind: "machine", id: machine.id }, manifest.footing);
    // From now on, so that the layer stays where the machine is destroyed before the snapshot is whole.
    host.holdings.hold({ kind: "snapshot", snapshotId: order.snapshotId }, footing);
    order.onLayered(manifest.footing);
    await settleLayer(machinePaths(host.roots, machine.id), next, manifest.footing);
    return { ...manifest, footing, pausedMs: Math.round(performance.now() - began) };
  } finally {
    await letRun(machine);
  }
}

async function letRun({ qmp, guest }: Suspendable): Promise<void> {
  const signal = AbortSignal.timeout(letRunMs);
  await qmp.execute("cont", {}, signal);
  await guest.thaw(signal);
}

/**
 * Freezes volumes as root disks are frozen: what a volume's disk is becomes a layer, and an empty one stands on top of it. As nothing is
 * written to the new one before whoever writes goes over to it, the volume has the same content before and after; so it may be done
 * before a machine that has it is paused, and what breaks off then has done no harm.
 */
import { randomUUID } from "node:crypto";
import { link, lstat, rm } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { syncPath } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { DataDisk } from "../../engine.js";
import { type Footing, mostVolumeLayers } from "../machine/footing.js";
import { layerPath, layersDirectory } from "../machine/machine-paths.js";
import { isUnwritten, writeOverlay } from "../machine/overlay.js";
import { keptPaths, readManifest } from "../saves/kept.js";
import { takeOver } from "../saves/saves-recovery.js";
import {
  findVolume,
  headName,
  headPath,
  readVolume,
  type Volume,
  volumeDirectory,
  writeVolume,
} from "./volume-manifest.js";
import { fillVolume, type VolumeHost } from "./volume-store.js";

export type FrozenDisk = NonNullable<Footing["volumes"]>[number];
type Frozen = NonNullable<FrozenDisk["frozen"]>;

/** What stands in a snapshot's manifest. */
export function frozenDisk({ volumeId, slot, isReadOnly }: DataDisk, { bytes, layers }: Volume): FrozenDisk {
  return { volumeId, slot, isReadOnly, frozen: { bytes, layers } };
}

/** Before anything is touched: a chain that nobody could be given must not be made. */
export async function requireRoomForLayers(host: VolumeHost, disks: readonly DataDisk[]): Promise<void> {
  for (const { volumeId } of disks) {
    const { layers } = await readVolume(host.roots, volumeId);
    if (layers.length < mostVolumeLayers) continue;
    const message = `The volume ${volumeId} stands on ${layers.length} layers; a snapshot adds one, and may do so below ${mostVolumeLayers}.`;
    throw new AlcoveError("QuotaExceeded", message, { hint: "Copy what is on it to a new volume." });
  }
}

/** Of those that nobody writes to meanwhile. */
export async function freezeAtRest(host: VolumeHost, disks: readonly DataDisk[]): Promise<readonly FrozenDisk[]> {
  const frozen: FrozenDisk[] = [];
  for (const disk of disks) {
    const volume = await readVolume(host.roots, disk.volumeId);
    const isFrozen = volume.layers.length > 0 && (await isUnwritten(headPath(host.roots, volume)));
    frozen.push(frozenDisk(disk, isFrozen ? volume : await freezeVolume(host, volume, undefined)));
  }
  return frozen;
}

/** Answers the volume as it is then. A machine that writes to it goes on doing so, in the layer, until it is given the new head; `owner` is whom its QEMU runs as. */
export async function freezeVolume(host: VolumeHost, volume: Volume, owner: number | undefined): Promise<Volume> {
  const { roots, holdings } = host;
  const [layer, head] = [randomUUID(), randomUUID()];
  const frozen = { ...volume, head, layers: [layer, ...volume.layers] };
  const below = layerPath(roots, layer);
  holdings.hold({ kind: "volume", id: volume.id }, frozen);
  try {
    await link(headPath(roots, volume), below);
    await writeOverlay(
      headPath(roots, frozen),
      { path: below, format: "qcow2" },
      { virtualBytes: volume.bytes, owner },
    );
    await Promise.all([below, layersDirectory(roots), headPath(roots, frozen)].map(syncPath));
    await writeVolume(volumeDirectory(roots, volume.id), frozen);
  } catch (error) {
    throw await undone(error, () => undoFreeze(host, volume, frozen));
  }
  await rm(headPath(roots, volume), { force: true });
  // Whoever had it last may be its owner still.
  await takeOver(below, (await lstat(below)).uid);
  return frozen;
}

/** The manifest may name it, although writing it down failed at its last step: then it is frozen. */
async function undoFreeze({ roots, holdings }: VolumeHost, volume: Volume, frozen: Volume): Promise<void> {
  const { head } = await readVolume(roots, volume.id);
  if (head === frozen.head) return;
  await rm(headPath(roots, frozen), { force: true });
  await holdings.move({ kind: "volume", id: volume.id }, volume);
}

export interface Restoring {
  readonly snapshotId: string;
  /** The volume that was frozen with the snapshot. */
  readonly from: string;
  /** Which becomes what that one was; no machine has it. */
  readonly to: string;
}

/** Whatever is there goes, when the other counts. */
export async function restoreVolume(host: VolumeHost, restoring: Restoring): Promise<void> {
  const { to } = restoring;
  const frozen = await findFrozen(host, restoring);
  const present = await findVolume(host.roots, to);
  if (present !== undefined) return await replaceHead(host, present, { ...present, head: randomUUID(), ...frozen });
  await fillVolume(host, { id: to, ...frozen }, ({ directory, head }) =>
    makeEmptyHead(host, join(directory, headName(head)), frozen),
  );
}

async function replaceHead(host: VolumeHost, present: Volume, restored: Volume): Promise<void> {
  const { roots, holdings } = host;
  const holder = { kind: "volume", id: present.id } as const;
  holdings.hold(holder, { layers: [...restored.layers, ...present.layers] });
  await makeEmptyHead(host, headPath(roots, restored), restored);
  await writeVolume(volumeDirectory(roots, present.id), restored);
  await rm(headPath(roots, present), { force: true });
  await holdings.move(holder, restored);
}

async function makeEmptyHead(
  { roots }: VolumeHost,
  path: string,
  { bytes, layers: [top = ""] }: Pick<Volume, "bytes" | "layers">,
): Promise<void> {
  await writeOverlay(path, { path: layerPath(roots, top), format: "qcow2" }, { virtualBytes: bytes });
  await syncPath(path);
}

export async function isAsIn(host: VolumeHost, restoring: Restoring): Promise<boolean> {
  const { layers } = await findFrozen(host, restoring);
  const volume = await readVolume(host.roots, restoring.to);
  return volume.layers.join() === layers.join() && (await isUnwritten(headPath(host.roots, volume)));
}

async function findFrozen({ roots }: VolumeHost, { snapshotId, from }: Restoring): Promise<Frozen> {
  const manifest = await readManifest(keptPaths(roots, { kind: "snapshot", snapshotId }));
  const frozen = manifest?.footing.volumes?.find(({ volumeId }) => volumeId === from)?.frozen;
  if (frozen !== undefined) return frozen;
  throw new AlcoveError("SnapshotIncompatible", `The snapshot ${snapshotId} has nothing of the volume ${from}.`);
}

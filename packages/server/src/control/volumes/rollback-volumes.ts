/** Volumes of a sandbox that goes back to a snapshot: each becomes what it was then, and is mounted where it was. */
import { AlcoveError } from "@alcove/contract";
import type { DataDisk } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SnapshotRecord, SnapshotVolume } from "../../store/snapshots.js";
import type { Store } from "../../store/store.js";
import type { MountRecord, VolumeRecord } from "../../store/volumes.js";
import type { ControlContext } from "../context.js";
import { requireVolumes } from "./engine-volumes.js";
import { dataDisk } from "./snapshot-volumes.js";

interface Pair {
  readonly mount: MountRecord;
  readonly was: SnapshotVolume;
}

type Mode = "Memory" | "Disk";

/** VolumeInUse where the sandbox has other volumes now than it had then. */
export function requireSameVolumes(
  store: Pick<Store, "volumes">,
  { id }: SandboxRecord,
  snapshot: SnapshotRecord,
): void {
  const pairs = pairsOf(store, id, snapshot);
  const missing = snapshot.volumes.find((was) => !pairs.some((pair) => pair.was === was));
  if (missing !== undefined) {
    const sentence = `The snapshot ${snapshot.id} has the volume ${missing.name}, at ${missing.mountpoint}; the sandbox ${id} does not have it now.`;
    throw new AlcoveError("VolumeInUse", sentence, {
      hint: "Attach it again, or create a sandbox from the snapshot, which gets a volume of its own.",
    });
  }
  const other = store.volumes
    .mountsOf(id)
    .find((mount) => !pairs.some((pair) => pair.mount.volumeId === mount.volumeId));
  if (other === undefined) return;
  const name = store.volumes.nameOf(other.volumeId);
  throw new AlcoveError(
    "VolumeInUse",
    `The sandbox ${id} has the volume ${name}, which the snapshot ${snapshot.id} is without.`,
    {
      hint: `Take it away first: \`alcove volume detach ${id} ${name}\`.`,
    },
  );
}

/** A volume that the sandbox could only read does not go back; a memory that has read it goes on only where it is as it was. */
export async function requireUnchanged(
  context: ControlContext,
  { id }: SandboxRecord,
  { snapshot, from }: { readonly snapshot: SnapshotRecord; readonly from: Mode },
): Promise<void> {
  if (from === "Disk") return;
  for (const { mount, was } of pairsOf(context.store, id, snapshot)) {
    if (!was.isReadOnly) continue;
    const pair = { from: was.volumeId, to: mount.volumeId };
    if (await requireVolumes(context).isAsIn(snapshot.id, pair)) continue;
    const sentence = `The volume ${was.name} was read-only in the snapshot ${snapshot.id}, and was written to since.`;
    throw new AlcoveError("SnapshotIncompatible", sentence, {
      hint: "Go back with `from: Disk`, or create a sandbox from the snapshot.",
    });
  }
}

/** Within the transaction that records the rollback. */
export function remount({ volumes }: Pick<Store, "volumes">, { id }: SandboxRecord, snapshot: SnapshotRecord): void {
  const pairs = pairsOf({ volumes }, id, snapshot);
  volumes.releaseAll(id);
  for (const { mount, was } of pairs) {
    const { slot, mountpoint, isReadOnly } = was;
    volumes.mount({ ...mount, slot, mountpoint, isReadOnly, state: "Attached" });
  }
}

/** When its machine is gone. May be done again, until another runs. */
export async function bringBackVolumes(
  context: ControlContext,
  { id }: SandboxRecord,
  snapshot: SnapshotRecord,
  signal: AbortSignal,
): Promise<readonly DataDisk[]> {
  const pairs = pairsOf(context.store, id, snapshot);
  for (const { mount, was } of pairs) {
    if (was.isReadOnly) continue;
    await requireVolumes(context).restore(snapshot.id, { from: was.volumeId, to: mount.volumeId }, signal);
  }
  if (pairs.length > 0) context.crashPoint("volumeCopy.afterRollback");
  return pairs.map(({ mount }) => dataDisk(mount));
}

/** The sandbox of the snapshot has the volume itself; one that came from the snapshot has its own copy. A copy that was made for another is another volume. */
function pairsOf({ volumes }: Pick<Store, "volumes">, sandboxId: string, snapshot: SnapshotRecord): readonly Pair[] {
  const mounts = volumes.mountsOf(sandboxId);
  const isOneOfThem = (volumeId: string) => snapshot.volumes.some((was) => was.volumeId === volumeId);
  const copies = mounts.filter(({ volumeId }) => !isOneOfThem(volumeId));
  return snapshot.volumes.flatMap((was) => {
    const isOwnCopy = (copy: VolumeRecord | undefined) =>
      copy?.sourceId === was.volumeId && copy.ownerSandboxId === sandboxId;
    const mount =
      mounts.find(({ volumeId }) => volumeId === was.volumeId) ??
      copies.find(({ volumeId }) => isOwnCopy(volumes.get(volumeId)));
    return mount === undefined ? [] : [{ mount, was }];
  });
}

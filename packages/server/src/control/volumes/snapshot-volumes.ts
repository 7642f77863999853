/**
 * Volumes of a snapshot. What starts from it gets volumes of its own, made with its row: they have what was on the first ones at that instant, and go with
 * the sandbox unless they are taken away from it before.
 */
import { randomUUID } from "node:crypto";
import type { DataDisk } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SnapshotVolume } from "../../store/snapshots.js";
import type { Store } from "../../store/store.js";
import type { MountRecord } from "../../store/volumes.js";
import type { ControlContext } from "../context.js";
import { requireVolumes } from "./engine-volumes.js";

const longestName = 63;
const idDigits = 8;
/** Names the volume that one is a copy of. */
const sourceLabel = "forked-from";

/** What is written down of a sandbox's volumes in a snapshot of it. */
export function volumesOf({ volumes }: Pick<Store, "volumes">, sandboxId: string): SnapshotVolume[] {
  return volumes.mountsOf(sandboxId).flatMap(({ volumeId, slot, mountpoint, isReadOnly }) => {
    const record = volumes.get(volumeId);
    if (record === undefined) return [];
    return [{ volumeId, name: record.name, sizeMiB: record.sizeMiB, slot, mountpoint, isReadOnly }];
  });
}

/** What comes along with the snapshot that a sandbox starts from. */
export function copiesFor({ snapshots }: Pick<Store, "snapshots">, { snapshotId }: Pick<SandboxRecord, "snapshotId">) {
  return snapshotId === undefined ? [] : (snapshots.find(snapshotId)?.volumes ?? []);
}

export function sizeOfVolumes(volumes: readonly Pick<SnapshotVolume, "sizeMiB">[]): number {
  return volumes.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
}

/** Within the transaction that records the sandbox: their disks are made before its machine. */
export function recordCopies(
  { volumes }: Pick<Store, "volumes">,
  { id: ownerSandboxId, group }: Pick<SandboxRecord, "id" | "group">,
  copies: readonly SnapshotVolume[],
): void {
  for (const { volumeId: sourceId, name: source, sizeMiB, slot, mountpoint, isReadOnly } of copies) {
    const id = randomUUID();
    const isFree = (name: string) => volumes.find(group, name) === undefined;
    const name = nameOfCopy(source, ownerSandboxId, isFree);
    const labels = { [sourceLabel]: source };
    const own = { sourceId, ownerSandboxId, createdAt: Date.now() };
    volumes.insert({ id, group, name, type: "DataDisk", sizeMiB, labels, ...own });
    volumes.mount({ volumeId: id, sandboxId: ownerSandboxId, slot, mountpoint, isReadOnly, state: "Attached" });
  }
}

/** The volume's name and the beginning of the sandbox's id. */
export function nameOfCopy(source: string, sandboxId: string, isFree: (name: string) => boolean): string {
  for (let attempt = 1; ; attempt++) {
    const end = `-${sandboxId.slice(0, idDigits)}${attempt === 1 ? "" : `-${attempt}`}`;
    const name = `${source.slice(0, longestName - end.length)}${end}`;
    if (isFree(name)) return name;
  }
}

/** Anew with each attempt to start it: a machine that failed may have written to them. */
export async function makeCopies(
  context: ControlContext,
  { id, snapshotId }: Pick<SandboxRecord, "id" | "snapshotId">,
  signal: AbortSignal,
): Promise<readonly DataDisk[]> {
  const { crashPoint, store } = context;
  if (snapshotId === undefined) return [];
  const disks: DataDisk[] = [];
  for (const mount of store.volumes.mountsOf(id)) {
    const { sourceId, ownerSandboxId } = store.volumes.get(mount.volumeId) ?? {};
    if (sourceId === undefined || ownerSandboxId !== id) continue;
    await requireVolumes(context).restore(snapshotId, { from: sourceId, to: mount.volumeId }, signal);
    disks.push(dataDisk(mount));
  }
  if (disks.length > 0) crashPoint("volumeCopy.beforeStart");
  return disks;
}

export function dataDisk({
  volumeId,
  slot,
  isReadOnly,
}: Pick<MountRecord, "volumeId" | "slot" | "isReadOnly">): DataDisk {
  return { volumeId, slot, isReadOnly };
}

/** Within the caller's transaction: no row of theirs is left. Answers their ids, for `removeDisks` afterwards. */
export function dropOwnVolumes({ volumes }: Pick<Store, "volumes">, sandboxId: string): readonly string[] {
  const own = volumes.ownedBy(sandboxId);
  for (const id of own) volumes.remove(id);
  return own;
}

/** What cannot be removed goes with the next daemon's start: nobody claims it any more. */
export async function removeDisks({ engine, logger }: ControlContext, ids: readonly string[]): Promise<void> {
  for (const volume of ids) {
    await engine.volumes?.remove(volume).catch((error: unknown) => {
      logger.warn({ volume, err: error }, "The disk of a volume that went with its sandbox is left");
    });
  }
}

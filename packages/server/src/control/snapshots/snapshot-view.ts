/** A snapshot as the API shows it. */
import type { Snapshot } from "@alcove/contract";
import type { SnapshotRecord, SnapshotVolume } from "../../store/snapshots.js";

export function toSnapshot(record: SnapshotRecord, usedBy: readonly string[]): Snapshot {
  const { id, group, name, labels, status, sandboxId, parentId, mode, isFrozen, size, image } = record;
  const { pausedMs, ownBytes, sharedBytes, volumes } = record;
  return {
    ...{ id, group, labels, status, sandboxId, mode, isFrozen, pausedMs, image, ownBytes, sharedBytes },
    ...(name === undefined ? {} : { name }),
    ...(parentId === undefined ? {} : { parentId }),
    createdAt: new Date(record.createdAt).toISOString(),
    resources: { cpu: `${size.cpuMillicores}m`, memory: `${size.memoryMiB}Mi`, disk: `${size.diskMiB}Mi` },
    ...(volumes.length === 0 ? {} : { volumes: volumes.map(toVolume) }),
    usedBy: [...usedBy],
  };
}

function toVolume({ name, sizeMiB, mountpoint, isReadOnly }: SnapshotVolume) {
  return { volumeName: name, size: `${sizeMiB}Mi`, mountpoint, readOnly: isReadOnly };
}

/** Many that start from one snapshot share its memory: it is made ready for that first. */
import type { ControlContext } from "../context.js";
import { requireDiskSpace } from "../system/disk-space.js";
import { requireSaves } from "./snapshot-taking.js";

/** DiskFull where that would leave less free than running sandboxes need. Whoever calls holds the snapshot meanwhile. */
export async function shareSnapshot(context: ControlContext, snapshotId: string, signal: AbortSignal): Promise<void> {
  await requireDiskSpace(context);
  await requireSaves(context).share(snapshotId, { keptFreeBytes: context.freeSpaceMarkBytes }, signal);
}

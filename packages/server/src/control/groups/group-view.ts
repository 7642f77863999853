import type { Group } from "@alcove/contract";
import type { GroupRecord } from "../../store/groups.js";

/** The group as callers see it. */
export function toGroup({
  name,
  state,
  tags,
  defaults,
  quota,
  used,
  snapshotRetention,
  createdAt,
}: GroupRecord): Group {
  return {
    ...{ name, state, tags, defaults, quota, snapshotRetention },
    used: {
      cores: used.cpuMillicores / 1_000,
      memory: `${used.memoryMiB}Mi`,
      disk: `${used.diskMiB}Mi`,
      sandboxes: used.sandboxes,
      images: used.images,
      snapshots: used.snapshots,
    },
    createdAt: new Date(createdAt).toISOString(),
  };
}

import { AlcoveError } from "@alcove/contract";
import type { SnapshotRecord } from "../../store/snapshots.js";
import type { ControlContext } from "../context.js";
import type { SnapshotRef } from "./snapshot-control.js";

/** The snapshot, where it is one that the group sees. */
export function requireSnapshot(
  { store }: Pick<ControlContext, "store">,
  { group, snapshotId }: SnapshotRef,
  field = "snapshotId",
): SnapshotRecord {
  const record = store.snapshots.find(snapshotId);
  if (record?.group === group && !record.isInternal && record.status !== "Deleting") return record;
  throw new AlcoveError("SnapshotNotFound", `There is no snapshot ${snapshotId}.`, { field, value: snapshotId });
}

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

/** Something can start from it. */
export function requireReady({ id, status }: Pick<SnapshotRecord, "id" | "status">): void {
  if (status === "Ready") return;
  if (status === "Lost") {
    throw new AlcoveError(
      "SnapshotIncompatible",
      `The snapshot ${id} is on record, but its bytes are not on this host.`,
      {
        hint: "Delete it. A backup of the server holds no bytes of snapshots.",
      },
    );
  }
  throw new AlcoveError("SnapshotNotFound", `The snapshot ${id} is being taken; it is not whole yet.`, {
    hint: "Try again when its status is Ready.",
  });
}

/** Users see it, and all of it is here. */
export function isShownWhole({ isInternal, status }: SnapshotRecord): boolean {
  return !isInternal && status === "Ready";
}

/** A sandbox came from it, or goes back to it. */
export function usedIn({ store }: Pick<ControlContext, "store">): (snapshot: SnapshotRecord) => boolean {
  return ({ id }) => store.snapshots.users(id, 1).length > 0 || store.snapshots.hasStarting(id);
}

/** Which sandbox gets which volume is decided on record, before anything is done: within the caller's transaction, whole or not at all. */
import { AlcoveError, mountFault, type VolumeMount } from "@alcove/contract";
import type { Volumes } from "../../engines/engine.js";
import type { Store } from "../../store/store.js";
import type { MountRecord, MountState } from "../../store/volumes.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { requireVolume, volumeInUse } from "./volume-finding.js";

export interface MountClaim {
  readonly ref: SandboxRef;
  readonly mounts: readonly VolumeMount[];
  readonly state: MountState;
}

export function claimMounts(
  store: Pick<Store, "volumes">,
  { serials }: Pick<Volumes, "serials">,
  { ref, mounts, state }: MountClaim,
): readonly MountRecord[] {
  const present = store.volumes.mountsOf(ref.id);
  requireNoFault(store, present, mounts);
  const free = serials.map((_, slot) => slot).filter((slot) => !present.some((other) => other.slot === slot));
  return mounts.map(({ volumeName, mountpoint, readOnly = false }) => {
    const { id: volumeId } = requireVolume(store, { group: ref.group, volumeName });
    const other = store.volumes.mountOf(volumeId);
    if (other !== undefined) throw volumeInUse(volumeName, other);
    const slot = free.shift();
    if (slot === undefined) throw tooMany(ref.id, serials.length);
    const record = { volumeId, sandboxId: ref.id, slot, mountpoint, isReadOnly: readOnly, state };
    store.volumes.mount(record);
    return record;
  });
}

/** Before anything else is looked at: whether the volumes are there, and free. */
export function requireUnclaimed(store: Pick<Store, "volumes">, group: string, mounts: readonly VolumeMount[]): void {
  for (const { volumeName } of mounts) {
    const mount = store.volumes.mountOf(requireVolume(store, { group, volumeName }).id);
    if (mount !== undefined) throw volumeInUse(volumeName, mount);
  }
}

/** What the sandbox has, as callers see it. */
export function mountsOf({ volumes }: Pick<Store, "volumes">, sandboxId: string): VolumeMount[] {
  return volumes.mountsOf(sandboxId).flatMap(({ volumeId, mountpoint, isReadOnly: readOnly }) => {
    const volumeName = volumes.nameOf(volumeId);
    return volumeName === undefined ? [] : [{ volumeName, mountpoint, readOnly }];
  });
}

function requireNoFault(
  { volumes }: Pick<Store, "volumes">,
  present: readonly MountRecord[],
  mounts: readonly VolumeMount[],
): void {
  const there = present.map(({ volumeId, mountpoint }) => ({
    volumeName: volumes.nameOf(volumeId) ?? volumeId,
    mountpoint,
  }));
  const fault = mountFault([
    ...there.filter(({ volumeName }) => !mounts.some((mount) => mount.volumeName === volumeName)),
    ...mounts,
  ]);
  if (fault === undefined) return;
  throw new AlcoveError("InvalidRequest", `The sandbox ${fault}.`, {
    field: "mountpoint",
    hint: "Choose a directory beside those that other volumes are mounted on.",
  });
}

function tooMany(sandboxId: string, most: number): AlcoveError {
  return new AlcoveError("InvalidRequest", `The sandbox ${sandboxId} has as many volumes as it can: ${most}.`, {
    field: "volumeName",
    hint: "Take one away first, or put what belongs together on one volume.",
  });
}

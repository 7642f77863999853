import { AlcoveError } from "@alcove/contract";
import type { Store } from "../../store/store.js";
import type { MountRecord, VolumeRecord } from "../../store/volumes.js";
import type { VolumeRef } from "./volume-control.js";

export function requireVolume({ volumes }: Pick<Store, "volumes">, { group, volumeName }: VolumeRef): VolumeRecord {
  const record = volumes.find(group, volumeName);
  if (record !== undefined) return record;
  const where = { field: "volumeName", value: volumeName };
  throw new AlcoveError("VolumeNotFound", `There is no volume ${volumeName} in the group ${group}.`, where);
}

export function volumeInUse(volumeName: string, { sandboxId, mountpoint }: MountRecord): AlcoveError {
  const sentence = `The sandbox ${sandboxId} has the volume ${volumeName}, at ${mountpoint}; one sandbox has a DataDisk at a time.`;
  return new AlcoveError("VolumeInUse", sentence, {
    field: "volumeName",
    value: volumeName,
    hint: `Take it away there, \`alcove volume detach ${sandboxId} ${volumeName}\`, or delete that sandbox.`,
  });
}

/** Freezes the volumes of a machine that runs, before it is paused: what is still to be done then is that QEMU goes over to their new disks. */
import type { DataDisk } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";
import type { NewDrive } from "../saves/disk-laying.js";
import type { Suspendable } from "../saves/suspension.js";
import { lendHead } from "./lent-volumes.js";
import { driveOf } from "./slots.js";
import { type FrozenDisk, freezeAtRest, freezeVolume, frozenDisk } from "./volume-layers.js";
import { readVolume } from "./volume-manifest.js";

export interface FrozenUnder {
  /** What stands in the snapshot's manifest. */
  readonly frozen: readonly FrozenDisk[];
  readonly drives: readonly NewDrive[];
}

/** A machine that may only read a volume has one that is at rest. */
export async function freezeUnder(
  host: MachineHost,
  machine: Suspendable,
  disks: readonly DataDisk[],
  signal: AbortSignal,
): Promise<FrozenUnder> {
  const atRest = await freezeAtRest(
    host,
    disks.filter(({ isReadOnly }) => isReadOnly),
  );
  const written: { readonly frozen: FrozenDisk; readonly drive: NewDrive }[] = [];
  for (const disk of disks.filter(({ isReadOnly }) => !isReadOnly)) {
    const node = await driveOf(machine.qmp, disk.slot, signal);
    const volume = await freezeVolume(host, await readVolume(host.roots, disk.volumeId), machine.uid);
    const filename = await lendHead(host.roots, machine, volume);
    const drive = { node, filename, nextNode: `head-${volume.head.slice(-12)}` };
    written.push({ frozen: frozenDisk(disk, volume), drive });
  }
  return {
    frozen: [...atRest, ...written.map(({ frozen }) => frozen)],
    drives: written.map(({ drive }) => drive),
  };
}

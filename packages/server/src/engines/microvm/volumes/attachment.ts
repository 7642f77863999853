/** Puts volumes behind the slots of a machine that runs, and takes them away. */
import type { DataDisk } from "../../engine.js";
import type { Footing } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { machinePaths } from "../machine/machine-paths.js";
import { rewriteMachineRecord } from "../machine/machine-record.js";
import type { Suspendable } from "../saves/suspension.js";
import { lendVolume, takeBackVolume } from "./lent-volumes.js";
import { driveOf, forgetNode, setDrive, spareNode, tellSize } from "./slots.js";
import { readVolume } from "./volume-manifest.js";

export interface Attachable extends Suspendable {
  /** Called as soon as it is on record what the machine stands on. */
  readonly onRecorded: (footing: Footing) => void;
}

/** It is on record first: whoever comes after a failure, this daemon or a later one, takes it away or goes on. */
export async function attachVolume(
  host: MachineHost,
  machine: Attachable,
  disk: DataDisk,
  signal: AbortSignal,
): Promise<void> {
  const { qmp, footing } = machine;
  const { slot } = disk;
  const drive = await driveOf(qmp, slot, signal);
  const isBehind = drive !== spareNode(slot);
  const inSlot = (footing.volumes ?? []).filter((other) => other.slot === slot);
  const isThere = isBehind && inSlot.length > 0 && inSlot.every((other) => isSame(other, disk));
  if (isThere) return await tellSize(qmp, drive, (await readVolume(host.roots, disk.volumeId)).bytes, signal);
  if (isBehind) await setDrive(qmp, slot, spareNode(slot), signal);
  await forgetNode(qmp, slot, signal);
  for (const { volumeId } of inSlot) await takeBackVolume(host.roots, machine, volumeId);
  const { node, bytes } = await lendVolume(host.roots, machine, disk);
  const others = (footing.volumes ?? []).filter((other) => other.slot !== slot && other.volumeId !== disk.volumeId);
  await record(host, machine, [...others, disk]);
  await qmp.execute("blockdev-add", { ...node }, signal);
  await setDrive(qmp, slot, node["node-name"], signal);
  await tellSize(qmp, node["node-name"], bytes, signal);
}

export async function detachVolume(
  host: MachineHost,
  machine: Attachable,
  volumeId: string,
  signal: AbortSignal,
): Promise<void> {
  const { qmp, footing } = machine;
  const disk = footing.volumes?.find((other) => other.volumeId === volumeId);
  if (disk === undefined) return;
  await setDrive(qmp, disk.slot, spareNode(disk.slot), signal);
  await forgetNode(qmp, disk.slot, signal);
  await takeBackVolume(host.roots, machine, volumeId);
  const others = (footing.volumes ?? []).filter((other) => other.volumeId !== volumeId);
  await record(host, machine, others);
}

async function record(
  host: MachineHost,
  { id, footing, onRecorded }: Attachable,
  volumes: readonly DataDisk[],
): Promise<void> {
  const changed = { ...footing, volumes };
  await rewriteMachineRecord(machinePaths(host.roots, id).record, { layering: undefined, footing: changed });
  host.holdings.hold({ kind: "machine", id }, changed);
  onRecorded(changed);
}

function isSame(one: DataDisk, other: DataDisk): boolean {
  return one.volumeId === other.volumeId && one.isReadOnly === other.isReadOnly;
}

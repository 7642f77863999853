/** Puts volumes behind the slots of a machine that runs, and takes them away. */
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import type { DataDisk } from "../../engine.js";
import { spareDevicePath, spareDiskNodes } from "../machine/command-line.js";
import type { Footing } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { machinePaths } from "../machine/machine-paths.js";
import { rewriteMachineRecord } from "../machine/machine-record.js";
import type { Qmp } from "../qmp/qmp.js";
import type { Suspendable } from "../saves/suspension.js";
import { lendVolume, takeBackVolume, volumeNode } from "./lent-volumes.js";
import { readVolume } from "./volume-store.js";

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
  const isBehind = (await driveOf(qmp, slot, signal)) !== spareNode(slot);
  const inSlot = (footing.volumes ?? []).filter((other) => other.slot === slot);
  const isThere = isBehind && inSlot.length > 0 && inSlot.every((other) => isSame(other, disk));
  if (isThere) return await tellSize(qmp, slot, (await readVolume(host.roots, disk.volumeId)).bytes, signal);
  if (isBehind) await setDrive(qmp, slot, spareNode(slot), signal);
  await forgetNode(qmp, slot, signal);
  for (const { volumeId } of inSlot) await takeBackVolume(host.roots, machine, volumeId);
  const { node, bytes } = await lendVolume(host.roots, machine, disk);
  const others = (footing.volumes ?? []).filter((other) => other.slot !== slot && other.volumeId !== disk.volumeId);
  await record(host, machine, [...others, disk]);
  await qmp.execute("blockdev-add", { ...node }, signal);
  await setDrive(qmp, slot, node["node-name"], signal);
  await tellSize(qmp, slot, bytes, signal);
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

async function driveOf(qmp: Qmp, slot: number, signal: AbortSignal): Promise<string> {
  const asked = { path: spareDevicePath(slot), property: "drive" };
  const drive = await qmp.execute("qom-get", asked, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new AlcoveError("EngineUnavailable", "The machine has no slots for volumes that this daemon can fill.", {
      cause: error,
      hint: "An older daemon started it: stop the sandbox and resume it, then try again.",
    });
  });
  return z.string().parse(drive);
}

/** Only a change of size is told to the guest, and this is taken for one. */
async function tellSize(qmp: Qmp, slot: number, size: number, signal: AbortSignal): Promise<void> {
  await qmp.execute("block_resize", { "node-name": volumeNode(slot), size }, signal);
}

async function setDrive(qmp: Qmp, slot: number, value: string, signal: AbortSignal): Promise<void> {
  await qmp.execute("qom-set", { path: spareDevicePath(slot), property: "drive", value }, signal);
}

/** Nothing is behind the slot: where its node is there all the same, an attempt before broke off. */
async function forgetNode(qmp: Qmp, slot: number, signal: AbortSignal): Promise<void> {
  const nodes = NamedNodes.parse(await qmp.execute("query-named-block-nodes", { flat: true }, signal));
  if (!nodes.some((node) => node["node-name"] === volumeNode(slot))) return;
  await qmp.execute("blockdev-del", { "node-name": volumeNode(slot) }, signal);
}

const NamedNodes = z.array(z.object({ "node-name": z.string().max(100).optional() })).max(10_000);

function spareNode(slot: number): string {
  return spareDiskNodes[slot] ?? `spare${slot}`;
}

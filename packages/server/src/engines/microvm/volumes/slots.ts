/** The slots of a machine that runs: what QEMU has behind each. */
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import { spareDevicePath, spareDiskNodes } from "../machine/command-line.js";
import { deleteNode } from "../qmp/block-nodes.js";
import type { Qmp } from "../qmp/qmp.js";
import { volumeNode } from "./lent-volumes.js";

/** The topmost node. */
export async function driveOf(qmp: Qmp, slot: number, signal: AbortSignal): Promise<string> {
  const asked = { path: spareDevicePath(slot), property: "drive" };
  const drive = await qmp.execute("qom-get", asked, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new AlcoveError("EngineUnavailable", "The machine has no slots for volumes that this daemon can fill.", {
      cause: error,
      hint: "An older daemon started it: stop the sandbox and resume it, then try again.",
    });
  });
  return z.string().max(100).parse(drive);
}

export async function setDrive(qmp: Qmp, slot: number, value: string, signal: AbortSignal): Promise<void> {
  await qmp.execute("qom-set", { path: spareDevicePath(slot), property: "drive", value }, signal);
}

/** Only a change of size is told to the guest, and this is taken for one. */
export async function tellSize(qmp: Qmp, node: string, size: number, signal: AbortSignal): Promise<void> {
  await qmp.execute("block_resize", { "node-name": node, size }, signal);
}

/** Nothing is behind the slot: where its node is there all the same, an attempt before broke off. Those that were laid on top of it went with the drive. */
export async function forgetNode(qmp: Qmp, slot: number, signal: AbortSignal): Promise<void> {
  await deleteNode(qmp, volumeNode(slot), signal);
}

/** What is behind a slot that has no volume. */
export function spareNode(slot: number): string {
  return spareDiskNodes[slot] ?? `spare${slot}`;
}

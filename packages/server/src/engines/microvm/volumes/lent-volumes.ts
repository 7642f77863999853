/**
 * A volume's disk has a second name in the directory of the machine that has it, which is all that its QEMU sees. Under the first one it
 * outlives the machine, whatever becomes of that.
 */
import { chmod, chown, link, rm } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import type { DataDisk } from "../../engine.js";
import type { BlockNode } from "../machine/command-line.js";
import type { Footing } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { machinePaths, type Roots } from "../machine/machine-paths.js";
import { checkStandsAlone, writeOverlay } from "../machine/overlay.js";
import { headPath, readVolume, type Volume } from "./volume-store.js";

export interface Borrower {
  readonly id: string;
  /** Whom its QEMU runs as; undefined for our own user. */
  readonly uid: number | undefined;
}

export interface LentVolume {
  readonly node: BlockNode;
  readonly bytes: number;
}

export const volumeNode = (slot: number) => `volume${slot}`;

/** Those that a machine goes on with, each in the place of its slot. */
export async function lendVolumes(
  host: Pick<MachineHost, "roots">,
  {
    spec,
    footing,
    uid,
  }: { readonly spec: { readonly id: string }; readonly footing: Footing; readonly uid: Borrower["uid"] },
): Promise<readonly (BlockNode | undefined)[]> {
  const nodes: (BlockNode | undefined)[] = [];
  for (const disk of footing.volumes ?? []) {
    nodes[disk.slot] = (await lendVolume(host.roots, { id: spec.id, uid }, disk)).node;
  }
  return nodes;
}

export async function lendVolume(roots: Roots, borrower: Borrower, disk: DataDisk): Promise<LentVolume> {
  const volume = await readVolume(roots, disk.volumeId);
  await requireItself(roots, volume);
  const { directory } = machinePaths(roots, borrower.id);
  const filename = nameIn(directory, volume);
  await rm(filename, { force: true });
  await link(headPath(roots, volume), filename);
  const file = { driver: "file", filename };
  const base = { driver: "qcow2", "node-name": volumeNode(disk.slot), discard: "unmap" };
  if (!disk.isReadOnly) {
    await giveTo(headPath(roots, volume), borrower.uid, 0o600);
    return { node: { ...base, file, backing: null }, bytes: volume.bytes };
  }
  await giveTo(headPath(roots, volume), undefined, 0o444);
  const cover = await coverOf(directory, { volume, below: filename, owner: borrower.uid });
  const backing = { driver: "qcow2", "read-only": true, file, backing: null };
  return { node: { ...base, file: { driver: "file", filename: cover }, backing }, bytes: volume.bytes };
}

/** A QEMU that had it before may have been escaped, and have it keep its data in any file. */
async function requireItself(roots: Roots, volume: Volume): Promise<void> {
  try {
    await checkStandsAlone(headPath(roots, volume), volume.bytes);
  } catch (error) {
    throw new AlcoveError("EngineUnavailable", `The disk of the volume ${volume.id} is not as it was made.`, {
      cause: error,
      hint: "A sandbox that had it has changed it from outside its virtual machine: trust nothing on it, and delete the volume.",
    });
  }
}

/** The volume is ours alone again. */
export async function takeBackVolume(roots: Roots, { id }: Borrower, volumeId: string): Promise<void> {
  const volume = await readVolume(roots, volumeId);
  const { directory } = machinePaths(roots, id);
  await giveTo(headPath(roots, volume), undefined, 0o600);
  await Promise.all([nameIn(directory, volume), coverIn(directory, volume)].map((path) => rm(path, { force: true })));
}

/** The device in front of a slot can be written to; what is written to a volume that must not be goes here, and is lost. */
async function coverOf(
  directory: string,
  { volume, below, owner }: { readonly volume: Volume; readonly below: string; readonly owner: number | undefined },
): Promise<string> {
  const path = coverIn(directory, volume);
  await rm(path, { force: true });
  await writeOverlay(path, { path: below, format: "qcow2" }, { virtualBytes: volume.bytes, owner });
  return path;
}

const nameIn = (directory: string, { head }: Volume) => join(directory, `volume-${head}.qcow2`);
const coverIn = (directory: string, { head }: Volume) => join(directory, `cover-${head}.qcow2`);

/** In a directory where only we write, so the name leads to the volume's file. */
async function giveTo(path: string, uid: number | undefined, mode: number): Promise<void> {
  const owner = uid ?? process.getuid?.() ?? 0;
  const group = uid ?? process.getgid?.() ?? 0;
  await chown(path, owner, group);
  await chmod(path, mode);
}

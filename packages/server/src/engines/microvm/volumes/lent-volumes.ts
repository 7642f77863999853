/**
 * A volume's disk, and the layers below it, have second names in the directory of the machine that has it, which is all that its QEMU sees. Under
 * the first ones they outlive the machine, whatever becomes of that.
 */
import { chmod, chown, link, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import type { DataDisk } from "../../engine.js";
import type { BlockNode } from "../machine/command-line.js";
import type { Footing } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { layerPath, machinePaths, type Roots } from "../machine/machine-paths.js";
import { checkStandsAlone, checkStandsOn, writeOverlay } from "../machine/overlay.js";
import { headPath, readVolume, type Volume } from "./volume-manifest.js";

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
  const below = await lendLayers(roots, directory, volume);
  const base = { driver: "qcow2", "node-name": volumeNode(disk.slot), discard: "unmap" };
  if (!disk.isReadOnly) {
    const file = { driver: "file", filename: await lendHead(roots, borrower, volume) };
    return { node: { ...base, file, backing: below }, bytes: volume.bytes };
  }
  const filename = await linkIn(directory, { volume, disk: volume.head, path: headPath(roots, volume) });
  await giveTo(headPath(roots, volume), undefined, 0o444);
  const cover = await coverOf(directory, { volume, below: filename, owner: borrower.uid });
  const backing = { ...readOnlyDisk(filename), backing: below };
  return { node: { ...base, file: { driver: "file", filename: cover }, backing }, bytes: volume.bytes };
}

/** The disk that the machine writes to; answers the name by which its QEMU finds it. */
export async function lendHead(roots: Roots, { id, uid }: Borrower, volume: Volume): Promise<string> {
  const path = headPath(roots, volume);
  const filename = await linkIn(machinePaths(roots, id).directory, { volume, disk: volume.head, path });
  await giveTo(path, uid, 0o600);
  return filename;
}

type BackingNode = { readonly [option: string]: unknown } | null;

/** Ours, and of a mode that keeps another user from writing to them. */
async function lendLayers(roots: Roots, directory: string, volume: Volume): Promise<BackingNode> {
  let node: BackingNode = null;
  for (const layer of volume.layers.toReversed()) {
    const filename = await linkIn(directory, { volume, disk: layer, path: layerPath(roots, layer) });
    node = { ...readOnlyDisk(filename), backing: node };
  }
  return node;
}

function readOnlyDisk(filename: string) {
  return { driver: "qcow2", "read-only": true, file: { driver: "file", filename } };
}

/** A QEMU that had it before may have been escaped, and have it keep its data in any file. */
async function requireItself(roots: Roots, volume: Volume): Promise<void> {
  const disks = [headPath(roots, volume), ...volume.layers.map((layer) => layerPath(roots, layer))];
  try {
    for (const [index, path] of disks.entries()) {
      const below = disks[index + 1];
      if (below === undefined) await checkStandsAlone(path, volume.bytes);
      else await checkStandsOn(path, { path: below, format: "qcow2" }, volume.bytes);
    }
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
  const names = (await readdir(directory)).filter((name) => name.startsWith(prefixOf(volume)));
  await Promise.all(names.map((name) => rm(join(directory, name), { force: true })));
}

/** The device in front of a slot can be written to; what is written to a volume that must not be goes here, and is lost. */
async function coverOf(
  directory: string,
  { volume, below, owner }: { readonly volume: Volume; readonly below: string; readonly owner: number | undefined },
): Promise<string> {
  const path = nameIn(directory, volume, "cover");
  await rm(path, { force: true });
  await writeOverlay(path, { path: below, format: "qcow2" }, { virtualBytes: volume.bytes, owner });
  return path;
}

interface Linked {
  readonly volume: Volume;
  /** Its name among the volume's. */
  readonly disk: string;
  readonly path: string;
}

async function linkIn(directory: string, { volume, disk, path }: Linked): Promise<string> {
  const filename = nameIn(directory, volume, disk);
  await rm(filename, { force: true });
  await link(path, filename);
  return filename;
}

const prefixOf = ({ id }: Pick<Volume, "id">) => `volume-${id}-`;
const nameIn = (directory: string, volume: Volume, disk: string) => join(directory, `${prefixOf(volume)}${disk}.qcow2`);

/** In a directory where only we write, so the name leads to the volume's file. */
async function giveTo(path: string, uid: number | undefined, mode: number): Promise<void> {
  const owner = uid ?? process.getuid?.() ?? 0;
  const group = uid ?? process.getgid?.() ?? 0;
  await chown(path, owner, group);
  await chmod(path, mode);
}

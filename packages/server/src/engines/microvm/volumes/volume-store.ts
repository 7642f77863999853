/**
 * Volumes on the host's disk. Each is a directory with a manifest, written last; the disk that it names is the one that counts. A disk is a qcow2
 * image as large as the volume, with a file system that nobody but guests looks into.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { chmod, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { bytesIn } from "../../../host/disk-use.js";
import { makeFileSystem } from "../../../host/file-system.js";
import { run } from "../../../host/run.js";
import { syncPath } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { MachineHost } from "../machine/machine-host.js";
import { layerPath, type Roots, volumesDirectory } from "../machine/machine-paths.js";
import { runQemuImg } from "../saves/qemu-img.js";
import {
  findVolume,
  headName,
  headPath,
  readVolume,
  unfinishedPrefix,
  type Volume,
  volumeDirectory,
  writeVolume,
} from "./volume-manifest.js";

export type VolumeHost = Pick<MachineHost, "roots" | "holdings">;

/** A disk of many GiB is read and written whole. */
const copyTimeoutMs = 30 * 60_000;
const bytesPerBlock = 512;

export async function makeVolume(
  host: MachineHost,
  { id, bytes }: Pick<Volume, "id" | "bytes">,
  signal: AbortSignal,
): Promise<void> {
  await fillVolume(host, { id, bytes, layers: [] }, (disk) => makeHead(host, { ...disk, id, bytes }, signal));
}

/** Of a volume that no machine has: another file with the same bytes, on the same layers, is one too. */
export async function copyVolume(
  host: VolumeHost,
  { from, to }: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<void> {
  const { roots } = host;
  const { bytes, layers, ...source } = await readVolume(roots, from);
  await fillVolume(host, { id: to, bytes, layers }, async ({ directory, head }) => {
    const [original, written] = [headPath(roots, source), join(directory, headName(head))];
    const before = await lastGiven(original);
    const options = { signal, timeoutMs: copyTimeoutMs };
    await run("cp", ["--reflink=auto", "--sparse=always", "--", original, written], options);
    if ((await lastGiven(original)) !== before)
      throw new AlcoveError("VolumeInUse", "A sandbox was given the volume while it was copied.");
    await chmod(written, 0o600);
    await syncPath(written);
  });
}

/** Whoever is given a disk becomes its owner, and has another name for it: either changes this time. */
async function lastGiven(disk: string): Promise<bigint> {
  return (await stat(disk, { bigint: true })).ctimeNs;
}

interface NewDisk {
  readonly directory: string;
  readonly head: string;
}

/** In a directory that nobody finds; it gets its name when all of it is on the disk. */
export async function fillVolume(
  { roots, holdings }: VolumeHost,
  { id, bytes, layers }: Pick<Volume, "id" | "bytes" | "layers">,
  fill: (disk: NewDisk) => Promise<void>,
): Promise<void> {
  const place = volumesDirectory(roots);
  const directory = join(place, `${unfinishedPrefix}${randomBytes(6).toString("hex")}`);
  const head = randomUUID();
  holdings.hold({ kind: "volume", id }, { layers });
  try {
    await mkdir(directory, { mode: 0o700 });
    await fill({ directory, head });
    await writeVolume(directory, { id, bytes, head, layers });
    await rename(directory, volumeDirectory(roots, id));
    await syncPath(place);
  } catch (error) {
    throw await undone(error, async () => {
      await rm(directory, { recursive: true, force: true });
      await holdings.release({ kind: "volume", id });
    });
  }
}

interface Head extends NewDisk {
  readonly id: string;
  readonly bytes: number;
}

async function makeHead(host: MachineHost, { directory, head, id, bytes }: Head, signal: AbortSignal): Promise<void> {
  const raw = join(directory, "raw");
  const written = join(directory, headName(head));
  for (const [path, size] of [[raw, bytes] as const, [written, 0] as const]) {
    await using file = await open(path, "wx", 0o600);
    await file.truncate(size);
  }
  await makeFileSystem({ path: raw, fileSystemId: id, label: "volume" }, { signal });
  const argv = ["convert", "-f", "raw", "-O", "qcow2", raw, written];
  await runQemuImg(host, { argv, disks: [{ path: raw, format: "raw" }], written }, signal);
  await rm(raw);
  await syncPath(written);
}

/** Under a name that nobody finds: half of it must not be taken for all of it. */
export async function removeVolume({ roots, holdings }: VolumeHost, id: string): Promise<void> {
  const unfinished = join(volumesDirectory(roots), `${unfinishedPrefix}${randomBytes(6).toString("hex")}`);
  try {
    await rename(volumeDirectory(roots, id), unfinished);
    await rm(unfinished, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  await holdings.release({ kind: "volume", id });
}

/** With the layers that it stands on, whoever else does. */
export async function usedBytes(roots: Roots, id: string): Promise<number> {
  const { layers } = await readVolume(roots, id);
  const below = await Promise.all(layers.map((layer) => stat(layerPath(roots, layer))));
  const own = await bytesIn(volumeDirectory(roots, id), new Set());
  return below.reduce((sum, { blocks }) => sum + blocks * bytesPerBlock, own);
}

/** What daemons before left half made or half removed, and what nobody claims. */
export async function removeLeftVolumes(host: VolumeHost, owned: ReadonlySet<string> | undefined) {
  if (owned === undefined) return [];
  const place = volumesDirectory(host.roots);
  const names = await readdir(place);
  const left = names.filter((name) => !owned.has(name));
  for (const name of left) {
    await rm(join(place, name), { recursive: true, force: true });
    await host.holdings.release({ kind: "volume", id: name });
  }
  for (const name of names.filter((each) => owned.has(each))) await removeOtherHeads(host.roots, name);
  return left.map((name) => `Removed the volume ${name}, which nobody claims.`);
}

/** Of a freeze that was not carried to its end. */
async function removeOtherHeads(roots: Roots, id: string): Promise<void> {
  const volume = await findVolume(roots, id);
  if (volume === undefined) return;
  const heads = (await readdir(volumeDirectory(roots, id))).filter((name) => name.endsWith(headName("")));
  const others = heads.filter((name) => name !== headName(volume.head));
  for (const name of others) await rm(join(volumeDirectory(roots, id), name), { force: true });
}

/**
 * Volumes on the host's disk. Each is a directory with a manifest, written last; the disk that it names is the one that counts. A disk is a qcow2
 * image as large as the volume, with a file system that nobody but guests looks into.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import { bytesIn } from "../../../host/disk-use.js";
import { makeFileSystem } from "../../../host/file-system.js";
import { run } from "../../../host/run.js";
import { syncPath, writeDurably } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { MachineHost } from "../machine/machine-host.js";
import { type Roots, volumesDirectory } from "../machine/machine-paths.js";
import { runQemuImg } from "../saves/qemu-img.js";

const Volume = z.object({
  version: z.literal(1),
  id: z.uuid(),
  bytes: z.number().int().positive(),
  /** The disk that is written to. */
  head: z.uuid(),
});
export type Volume = Readonly<z.infer<typeof Volume>>;

const unfinishedPrefix = ".making-";
/** A disk of many GiB is read and written whole. */
const copyTimeoutMs = 30 * 60_000;

const volumeDirectory = (roots: Roots, id: string) => join(volumesDirectory(roots), id);
const manifestIn = (directory: string) => join(directory, "volume.json");

/** Nobody but us writes into its directory. */
export function headPath(roots: Roots, { id, head }: Pick<Volume, "id" | "head">): string {
  return join(volumeDirectory(roots, id), `${head}.qcow2`);
}

export async function makeVolume(
  host: MachineHost,
  { id, bytes }: Pick<Volume, "id" | "bytes">,
  signal: AbortSignal,
): Promise<void> {
  await make(host.roots, { id, bytes }, (disk) => makeHead(host, { ...disk, id, bytes }, signal));
}

/** Of a volume that no machine has: its disk stands on nothing, so that another file with the same bytes is one too. */
export async function copyVolume(
  roots: Roots,
  { from, to }: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<void> {
  const source = await readVolume(roots, from);
  await make(roots, { id: to, bytes: source.bytes }, async ({ directory, head }) => {
    const [original, written] = [headPath(roots, source), join(directory, `${head}.qcow2`)];
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
async function make(
  roots: Roots,
  { id, bytes }: Pick<Volume, "id" | "bytes">,
  fill: (disk: NewDisk) => Promise<void>,
): Promise<void> {
  const place = volumesDirectory(roots);
  const directory = join(place, `${unfinishedPrefix}${randomBytes(6).toString("hex")}`);
  const head = randomUUID();
  await mkdir(directory, { mode: 0o700 });
  try {
    await fill({ directory, head });
    await writeDurably(manifestIn(directory), JSON.stringify({ version: 1, id, bytes, head } satisfies Volume));
    await rename(directory, volumeDirectory(roots, id));
    await syncPath(place);
  } catch (error) {
    throw await undone(error, () => rm(directory, { recursive: true, force: true }));
  }
}

interface Head extends NewDisk {
  readonly id: string;
  readonly bytes: number;
}

async function makeHead(host: MachineHost, { directory, head, id, bytes }: Head, signal: AbortSignal): Promise<void> {
  const raw = join(directory, "raw");
  const written = join(directory, `${head}.qcow2`);
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

/** Rejects where nothing whole is there. */
export async function readVolume(roots: Roots, id: string): Promise<Volume> {
  try {
    return Volume.parse(JSON.parse(await readFile(manifestIn(volumeDirectory(roots, id)), "utf8")));
  } catch (error) {
    throw new AlcoveError("EngineUnavailable", `The disk of the volume ${id} cannot be read.`, {
      cause: error,
      hint: "The daemon's log says why. What is lost is lost: delete the volume, and make a new one.",
    });
  }
}

/** Under a name that nobody finds: half of it must not be taken for all of it. */
export async function removeVolume(roots: Roots, id: string): Promise<void> {
  const unfinished = join(volumesDirectory(roots), `${unfinishedPrefix}${randomBytes(6).toString("hex")}`);
  try {
    await rename(volumeDirectory(roots, id), unfinished);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await rm(unfinished, { recursive: true, force: true });
}

export function usedBytes(roots: Roots, id: string): Promise<number> {
  return bytesIn(volumeDirectory(roots, id), new Set());
}

/** What daemons before left half made or half removed, and what nobody claims. */
export async function removeLeftVolumes(
  { roots }: Pick<MachineHost, "roots">,
  owned: ReadonlySet<string> | undefined,
): Promise<readonly string[]> {
  if (owned === undefined) return [];
  const left = (await readdir(volumesDirectory(roots))).filter((name) => !owned.has(name));
  for (const name of left) await rm(join(volumesDirectory(roots), name), { recursive: true, force: true });
  return left.map((name) => `Removed the volume ${name}, which nobody claims.`);
}

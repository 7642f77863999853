/**
 * Makes the memory of a snapshot whole, as a file that machines map privately: what they do not change they share. Otherwise each
 * of them gets the changed pages as its own.
 */
import { randomUUID } from "node:crypto";
import { open, rm, stat } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import { freeSpace } from "../../../host/free-space.js";
import { run } from "../../../host/run.js";
import { syncPath, writeDurably } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { Kept } from "../../engine.js";
import { memoryFileOf } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { memoriesDirectory, sharedMemoryPath } from "../machine/machine-paths.js";
import { memoryMode } from "../templates/template-making.js";
import { keptPaths, type Manifest, readManifest } from "./kept.js";
import { readDiff, readPages } from "./memory-diff.js";

/** Fewer changed pages are sooner put into each machine than into a copy of everything. */
const worthwhileBytes = 16 * 1024 * 1024;
const partBytes = 1024 * 1024;
const bytesPerBlock = 512;
const bytesPerMiB = 1024 * 1024;
const copyTimeoutMs = 120_000;

export interface Sharing {
  /** So much of the disk has to stay free. */
  readonly keptFreeBytes: number;
  readonly signal: AbortSignal;
}

export async function shareMemory(
  host: MachineHost,
  manifest: Manifest,
  { keptFreeBytes, signal }: Sharing,
): Promise<void> {
  const kept = { kind: "snapshot", snapshotId: manifest.id } as const;
  const paths = keptPaths(host.roots, kept);
  if (manifest.mode !== "Memory" || manifest.isWholeMemory === true) return;
  if ((await stat(paths.memory)).size < worthwhileBytes) return;
  await checkRoom(host, manifest, keptFreeBytes);
  const id = randomUUID();
  const path = sharedMemoryPath(host.roots, id);
  try {
    await writeWholeMemory(host, manifest, path, signal);
    await syncPath(path);
    await syncPath(memoriesDirectory(host.roots));
    const footing = { ...manifest.footing, memory: { kind: "shared", id } } as const;
    await writeDurably(paths.manifest, JSON.stringify({ ...manifest, footing, isWholeMemory: true }));
    host.holdings.hold(kept, footing);
  } catch (error) {
    throw await undone(error, () => removeUnnamed(host, kept, id));
  }
}

/** The base as it lies on the disk, and the pages that are put over it. */
async function checkRoom(host: MachineHost, manifest: Manifest, keptFreeBytes: number): Promise<void> {
  const { id, footing } = manifest;
  const isBlank = footing.memory.kind === "blank";
  const baseBytes = isBlank ? 0 : (await stat(memoryFileOf(host, id, footing))).blocks * bytesPerBlock;
  const pagesBytes = (await stat(keptPaths(host.roots, { kind: "snapshot", snapshotId: id }).memory)).size;
  const { freeBytes } = await freeSpace(memoriesDirectory(host.roots));
  const neededBytes = baseBytes + pagesBytes;
  if (freeBytes - neededBytes >= keptFreeBytes) return;
  const [needed, free, kept] = [neededBytes, freeBytes, keptFreeBytes].map((bytes) => Math.ceil(bytes / bytesPerMiB));
  const detail = `Sharing the memory of ${id} needs up to ${needed} MiB of disk; ${free} MiB are free, and ${kept} MiB have to stay so.`;
  throw new AlcoveError("DiskFull", detail, { hint: "Free space on the host's disk, or start them one by one." });
}

/** A sparse file with all that the memory was, to a path that is not there yet. */
export async function writeWholeMemory(
  host: MachineHost,
  manifest: Manifest,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await copyBase(host, manifest, path, signal);
  if (manifest.isWholeMemory === true) return;
  await putPages(keptPaths(host.roots, { kind: "snapshot", snapshotId: manifest.id }).memory, path, signal);
}

/** The manifest may name it, although writing it down failed at its last step: then it stays. */
async function removeUnnamed({ roots }: Pick<MachineHost, "roots">, kept: Kept, id: string): Promise<void> {
  const memory = (await readManifest(keptPaths(roots, kept)))?.footing.memory;
  if (memory?.kind !== "shared" || memory.id !== id) await rm(sharedMemoryPath(roots, id), { force: true });
}

/** Holes stay holes, and where the file system can, nothing is copied. */
async function copyBase(
  host: MachineHost,
  { id, footing }: Manifest,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  if (footing.memory.kind === "blank") await file.truncate(footing.size.memoryMiB * 1024 * 1024);
  else {
    const base = memoryFileOf(host, id, footing);
    await run("cp", ["--sparse=always", "--reflink=auto", base, path], { signal, timeoutMs: copyTimeoutMs });
  }
  await file.chmod(memoryMode(host));
}

async function putPages(diffPath: string, path: string, signal: AbortSignal): Promise<void> {
  await using from = await open(diffPath, "r");
  await using to = await open(path, "r+");
  const diff = await readDiff(from, (await to.stat()).size);
  for await (const part of readPages(diff, partBytes)) {
    signal.throwIfAborted();
    for (const { firstPage, bytes } of part) await to.write(bytes, 0, bytes.length, firstPage * diff.pageBytes);
  }
  const zeros = Buffer.alloc(partBytes);
  for (const { firstPage, pages } of diff.runs.filter(({ isZero }) => isZero)) {
    for (let at = firstPage * diff.pageBytes, end = at + pages * diff.pageBytes; at < end; at += partBytes) {
      await to.write(zeros, 0, Math.min(partBytes, end - at), at);
    }
  }
}

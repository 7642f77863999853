/**
 * Makes the memory of a snapshot whole, as a file that machines map privately: what they do not change they share. Otherwise each
 * of them gets the changed pages as its own.
 */
import { randomUUID } from "node:crypto";
import { open, rm, stat } from "node:fs/promises";
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
const copyTimeoutMs = 120_000;

export async function shareMemory(host: MachineHost, manifest: Manifest, signal: AbortSignal): Promise<void> {
  const kept = { kind: "snapshot", snapshotId: manifest.id } as const;
  const paths = keptPaths(host.roots, kept);
  if (manifest.mode !== "Memory" || manifest.isWholeMemory === true) return;
  if ((await stat(paths.memory)).size < worthwhileBytes) return;
  const id = randomUUID();
  const path = sharedMemoryPath(host.roots, id);
  try {
    await copyBase(host, manifest, path, signal);
    await putPages(paths.memory, path, signal);
    await syncPath(path);
    await syncPath(memoriesDirectory(host.roots));
    const footing = { ...manifest.footing, memory: { kind: "shared", id } } as const;
    await writeDurably(paths.manifest, JSON.stringify({ ...manifest, footing, isWholeMemory: true }));
    host.holdings.hold(kept, footing);
  } catch (error) {
    throw await undone(error, () => removeUnnamed(host, kept, id));
  }
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
  for await (const part of readPages(from, diff, partBytes)) {
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

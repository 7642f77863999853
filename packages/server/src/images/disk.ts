/** A raw disk with an empty file system: ext4, sparse, as large as the smallest disk of the grid; the guest grows it to its own. */
import { open, rm, stat } from "node:fs/promises";
import { grid } from "@alcove/contract";
import { makeFileSystem } from "../host/file-system.js";
import type { RunOptions } from "../host/run.js";

const diskBytes = grid.diskMiB[0] * 1024 * 1024;

/** The id names its layout. */
export async function makeEmptyDisk(
  disk: { readonly path: string; readonly fileSystemId: string },
  options: RunOptions,
): Promise<void> {
  await rm(disk.path, { force: true });
  const file = await open(disk.path, "wx", 0o644);
  await file.truncate(diskBytes).finally(() => file.close());
  await makeFileSystem({ ...disk, label: "root" }, options);
}

/** Bytes that a sparse file really takes. */
export async function allocatedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

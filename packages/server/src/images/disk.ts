/**
 * A file tree as a raw disk: ext4, sparse, as large as the smallest disk of the grid; the guest grows it to its own.
 *
 * The file is new and full of holes, so neither the inode tables nor the journal need zeros written; mke2fs marks them as
 * zeroed, or the guest's kernel would write hundreds of megabytes of them into every sandbox's overlay.
 */
import { open, rm, stat } from "node:fs/promises";
import { grid } from "@alcove/contract";
import { type RunOptions, run } from "../host/run.js";
import { syncPath } from "../host/write-durably.js";
import type { Owners } from "./owners.js";

const diskBytes = grid.diskMiB[0] * 1024 * 1024;
const extended = "lazy_itable_init=0,lazy_journal_init=1,discard,root_owner=0:0";
const environment = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };

/** A disk without a file, which a builder fills. */
export async function makeEmptyDisk(
  disk: { readonly path: string; readonly fileSystemId: string },
  options: RunOptions,
): Promise<void> {
  await run("mke2fs", [...(await newDisk(disk)), disk.path], { ...options, environment });
}

/** The id names this disk's layout: two builds of one tree differ in it, as they do in their blocks. */
export async function makeDisk(
  disk: { readonly path: string; readonly tree: string; readonly fileSystemId: string },
  owners: Owners,
  options: RunOptions,
): Promise<void> {
  await owners.run("mke2fs", [...(await newDisk(disk)), "-d", disk.tree, disk.path], { ...options, environment });
  await syncPath(disk.path);
}

/** Answers mke2fs's settings. */
async function newDisk(disk: { readonly path: string; readonly fileSystemId: string }): Promise<readonly string[]> {
  await rm(disk.path, { force: true });
  const file = await open(disk.path, "wx", 0o644);
  await file.truncate(diskBytes).finally(() => file.close());
  return ["-q", "-F", "-t", "ext4", "-m", "0", "-E", extended, "-U", disk.fileSystemId, "-L", "root"];
}

/** Bytes that a sparse file really takes. */
export async function allocatedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

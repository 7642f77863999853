/**
 * A raw disk with an empty file system: ext4, sparse, as large as the smallest disk of the grid; the guest grows it to its own.
 *
 * The file is new and full of holes, so neither the inode tables nor the journal need zeros written; mke2fs marks them as
 * zeroed, or the guest's kernel would write hundreds of megabytes of them into every sandbox's overlay.
 */
import { open, rm, stat } from "node:fs/promises";
import { grid } from "@alcove/contract";
import { type RunOptions, run } from "../host/run.js";

const diskBytes = grid.diskMiB[0] * 1024 * 1024;
const extended = "lazy_itable_init=0,lazy_journal_init=1,discard,root_owner=0:0";
const environment = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };

/** The id names its layout. */
export async function makeEmptyDisk(
  disk: { readonly path: string; readonly fileSystemId: string },
  options: RunOptions,
): Promise<void> {
  await rm(disk.path, { force: true });
  const file = await open(disk.path, "wx", 0o644);
  await file.truncate(diskBytes).finally(() => file.close());
  const settings = ["-q", "-F", "-t", "ext4", "-m", "0", "-E", extended, "-U", disk.fileSystemId, "-L", "root"];
  await run("mke2fs", [...settings, disk.path], { ...options, environment });
}

/** Bytes that a sparse file really takes. */
export async function allocatedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

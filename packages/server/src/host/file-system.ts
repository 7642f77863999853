/**
 * Makes an empty ext4 file system in a raw image that is new and full of holes: neither the inode tables nor the journal need zeros
 * written. mke2fs marks them as zeroed, or a guest's kernel would write hundreds of megabytes of them into its disk.
 */
import { type RunOptions, run } from "./run.js";

const extended = "lazy_itable_init=0,lazy_journal_init=1,discard,root_owner=0:0";
const environment = { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };

export interface NewFileSystem {
  readonly path: string;
  readonly fileSystemId: string;
  readonly label: string;
}

export async function makeFileSystem(
  { path, fileSystemId, label }: NewFileSystem,
  options: RunOptions = {},
): Promise<void> {
  const settings = ["-q", "-F", "-t", "ext4", "-m", "0", "-E", extended, "-U", fileSystemId, "-L", label];
  await run("mke2fs", [...settings, path], { ...options, environment });
}

/** How much room a file system has for this user: what root keeps back for itself does not count. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";

export interface FreeSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Of the file system that holds the path, or will hold it: parents are looked at where it does not exist yet. */
export async function freeSpace(path: string): Promise<FreeSpace> {
  try {
    const found = await statfs(path);
    return { freeBytes: found.bavail * found.bsize, totalBytes: found.blocks * found.bsize };
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
    return freeSpace(parent);
  }
}

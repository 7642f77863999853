/** What lies in a directory takes on the disk, as the file system counts: holes take nothing. */
import type { Dirent, Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

const bytesPerBlock = 512;
/** Some of these directories are a machine's own, which may have been escaped: however deep they go, a look at them ends. */
const deepest = 8;

/** A file with several names counts once: where it is met first by whoever shares `seen`. Links lead nowhere. */
export async function bytesIn(directory: string, seen: Set<string>, depth = 0): Promise<number> {
  let bytes = 0;
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    const found = await lstat(path).catch(ignoreGone);
    if (found === undefined || !isNew(found, seen)) continue;
    bytes += found.blocks * bytesPerBlock;
    if (entry.isDirectory() && depth < deepest) bytes += await bytesIn(path, seen, depth + 1);
  }
  return bytes;
}

/** Empty where there is none, or none any more. */
export async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  return (await readdir(directory, { withFileTypes: true }).catch(ignoreGone)) ?? [];
}

function isNew(found: Stats, seen: Set<string>): boolean {
  if (found.nlink === 1 || found.isDirectory()) return true;
  const name = `${found.dev}:${found.ino}`;
  if (seen.has(name)) return false;
  seen.add(name);
  return true;
}

function ignoreGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

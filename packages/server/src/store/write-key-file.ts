/** Files of keys: written once, for the daemon's user alone, and on the disk before anything that needs them is. */
import { linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { syncSync } from "./backup/sync.js";

export interface KeyFile {
  readonly path: string;
  /** A directory above it: entries are synced from here on down, for an earlier start may have made directories and been killed. */
  readonly within: string;
  readonly content: string;
}

/** Makes its directory too. Throws EEXIST where there is a file already, which stays. */
export function writeKeyFile({ path, within, content }: KeyFile, sync: (path: string) => void = syncSync): void {
  const directory = dirname(path);
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 });
  // One name for all: what a killed daemon left of another key goes too.
  const unfinished = join(directory, ".alcove-key.new");
  rmSync(unfinished, { force: true });
  try {
    writeFileSync(unfinished, content, { flag: "wx", mode: 0o600, flush: true });
    linkSync(unfinished, path);
    sync(directory);
    for (const parent of parentsOf(directory, [within, ...(made === undefined ? [] : [dirname(made)])]))
      syncIfReadable(parent, sync);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Up to the topmost of these, itself too. */
function parentsOf(directory: string, tops: readonly string[]): readonly string[] {
  if (!tops.some((top) => relative(top, directory) !== "" && !relative(top, directory).startsWith(".."))) return [];
  const parent = dirname(directory);
  return [parent, ...parentsOf(parent, tops)];
}

/** What the daemon's user may not read was not made by it. */
function syncIfReadable(path: string, sync: (path: string) => void): void {
  try {
    sync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
  }
}

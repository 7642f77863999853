import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** When the newest of the files below the directories was written, in milliseconds since 1970; 0 when there is none. */
export async function newestChange(directories: readonly string[], wanted: RegExp): Promise<number> {
  const paths = await Promise.all(directories.map((directory) => filesBelow(directory, wanted)));
  return Math.max(0, ...(await Promise.all(paths.flat().map(changedAt))));
}

export async function changedAt(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.mtimeMs,
    () => 0,
  );
}

async function filesBelow(directory: string, wanted: RegExp): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries.filter((name) => wanted.test(name)).map((name) => join(directory, name));
}

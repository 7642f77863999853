/** Writing that survives a power cut: the bytes are on the disk before anything else refers to them. */
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Replaces the file as a whole: readers see the old content or the new, never a part. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const unfinished = `${path}.new`;
  try {
    const file = await open(unfinished, "w", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    await syncPath(dirname(path));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Flushes a file's bytes, or a directory's entries, to the disk. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

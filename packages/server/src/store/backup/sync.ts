import { closeSync, fsyncSync, openSync } from "node:fs";

/** Flushes a file's bytes, or a directory's entries, to the disk. */
export function syncSync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

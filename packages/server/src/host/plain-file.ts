/**
 * Files in a directory where somebody else may write too, such as a QEMU that was escaped: what stands there under a name counts
 * only when it is a plain file as it was made, and no link to something else.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Rejects, and leaves nothing open, where anything else stands under the name. */
export async function openPlainFile(
  path: string,
  access: "read" | "readWrite",
  isAsMade: (found: Stats) => boolean,
): Promise<FileHandle> {
  const flags = access === "read" ? constants.O_RDONLY : constants.O_RDWR;
  const file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile() || !isAsMade(found)) throw new Error(`what is called ${path} is not the file that was made`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

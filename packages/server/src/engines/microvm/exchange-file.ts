/** The file behind a machine's disk for exchange, through which large contents go past the channel. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type ExchangeFile, exchangeBytes } from "../../guest/exchange/exchange.js";
import { freeSpace } from "../../host/free-space.js";

/** Sparse: it takes as much room as is under way. */
export async function makeExchangeFile(path: string, uid: number | undefined): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.truncate(exchangeBytes);
  if (uid !== undefined) await file.chown(uid, uid);
}

/**
 * QEMU may write to the file's directory, and QEMU is taken to be escaped one day: what stands there under the file's name
 * counts only when it is the plain file that was made, and no link to something else.
 */
export async function openExchangeFile(path: string, uid: number | undefined): Promise<ExchangeFile> {
  const handle = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    await check(handle, uid ?? process.getuid?.() ?? 0);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { handle, freeBytes: async () => (await freeSpace(path)).freeBytes };
}

async function check(handle: FileHandle, owner: number): Promise<void> {
  const found = await handle.stat();
  if (!found.isFile() || found.nlink !== 1 || found.uid !== owner)
    throw new Error("what stands under the name of the file for exchange is not the file that was made");
}

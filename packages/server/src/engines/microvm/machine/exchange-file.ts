/** The file behind a machine's disk for exchange, through which large contents go past the channel. */
import { open } from "node:fs/promises";
import { type ExchangeFile, exchangeBytes } from "../../../guest/exchange/exchange.js";
import { freeSpace } from "../../../host/free-space.js";
import { openPlainFile } from "../../../host/plain-file.js";

/** Sparse: it takes as much room as is under way. */
export async function makeExchangeFile(path: string, uid: number | undefined): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.truncate(exchangeBytes);
  if (uid !== undefined) await file.chown(uid, uid);
}

/** QEMU may write to the file's directory, and QEMU is taken to be escaped one day. */
export async function openExchangeFile(path: string, uid: number | undefined): Promise<ExchangeFile> {
  const owner = uid ?? process.getuid?.() ?? 0;
  const handle = await openPlainFile(path, "readWrite", (found) => found.nlink === 1 && found.uid === owner);
  return { handle, freeBytes: async () => (await freeSpace(path)).freeBytes };
}

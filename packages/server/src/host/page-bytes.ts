/** How large this host's pages of memory are. */
import { readFile } from "node:fs/promises";

const pageBytesEntry = 6n;
const entryBytes = 16;

let known: Promise<number> | undefined;

export function pageBytes(): Promise<number> {
  known ??= read();
  return known;
}

/** From what the kernel told this process when it started: pairs of a kind and a value. */
async function read(): Promise<number> {
  const table = await readFile("/proc/self/auxv");
  for (let at = 0; at + entryBytes <= table.length; at += entryBytes) {
    if (table.readBigUInt64LE(at) === pageBytesEntry) return Number(table.readBigUInt64LE(at + 8));
  }
  return 4096;
}

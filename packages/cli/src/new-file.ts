/** Files that are written whole or not at all, and that only their owner can read. */
import { link, open, rename, rm } from "node:fs/promises";

export interface NewFile {
  readonly path: string;
  /** Whether one that is there is replaced. */
  readonly force: boolean;
}

/** Answers how many bytes there were. */
export async function writeNewFile({ path, force }: NewFile, content: AsyncIterable<Uint8Array>): Promise<number> {
  const unfinished = `${path}.${process.pid}.new`;
  const file = await open(unfinished, "wx", 0o600);
  try {
    let bytes = 0;
    for await (const chunk of content) {
      await file.writeFile(chunk);
      bytes += chunk.byteLength;
    }
    await file.sync();
    await file.close();
    await (force ? rename(unfinished, path) : linkNew(unfinished, path));
    return bytes;
  } finally {
    await file.close().catch(() => undefined);
    await rm(unfinished, { force: true });
  }
}

/** Unlike a rename it never replaces what is there. */
async function linkNew(from: string, to: string): Promise<void> {
  await link(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
    throw Object.assign(new Error(`There is a file ${to}.`), { hint: "Name another, or replace it with --force." });
  });
}

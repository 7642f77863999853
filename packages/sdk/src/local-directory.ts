/** Directories of this machine as tar streams: only in Node. */
import { mkdir } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { ReadEntry } from "tar";
import type { Chunks } from "./transport.js";

/** The directory's contents; owners are the sandbox's business. */
export async function* packDirectory(directory: string): AsyncGenerator<Uint8Array> {
  const { create } = await import("tar");
  yield* create({ cwd: directory, portable: true, strict: true }, ["."]);
}

/**
 * The archive comes from a sandbox and may lie: absolute paths, `..` and links that lead outside are not followed, and no
 * program becomes one that runs here as whoever unpacked it.
 */
export async function unpackDirectory(archive: Chunks, directory: string): Promise<void> {
  const { extract } = await import("tar");
  await mkdir(directory, { recursive: true });
  const unpack = extract({ cwd: directory, preserveOwner: false, strict: false, filter: withoutSetuid });
  await pipeline(archive, unpack as unknown as NodeJS.WritableStream);
}

function withoutSetuid(_path: string, entry: object): boolean {
  const { mode } = entry as ReadEntry;
  if (mode !== undefined) (entry as ReadEntry).mode = mode & 0o777;
  return true;
}

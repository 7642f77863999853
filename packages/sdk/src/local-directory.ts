/** Directories of this machine as tar streams: only in Node. */
import { mkdir } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Chunks } from "./transport.js";

/** The directory's contents; owners are the sandbox's business. */
export async function* packDirectory(directory: string): AsyncGenerator<Uint8Array> {
  const { create } = await import("tar");
  yield* create({ cwd: directory, portable: true, strict: true }, ["."]);
}

/** The archive comes from a sandbox and may lie: absolute paths, `..` and links that lead outside are not followed. */
export async function unpackDirectory(archive: Chunks, directory: string): Promise<void> {
  const { extract } = await import("tar");
  await mkdir(directory, { recursive: true });
  const unpack = extract({ cwd: directory, preserveOwner: false, strict: false });
  await pipeline(archive, unpack as unknown as NodeJS.WritableStream);
}

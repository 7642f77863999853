/** Free space, asked for before it is taken. */
import { AlcoveError } from "@alcove/contract";
import { freeSpace } from "../host/free-space.js";

/** DiskFull where the file system of the path has not so much left. */
export async function requireRoom(path: string, bytes: number, what: string): Promise<void> {
  const { freeBytes } = await freeSpace(path);
  if (freeBytes >= bytes) return;
  const mebibytes = (count: number) => Math.ceil(count / 2 ** 20);
  const detail = `${what} needs ${mebibytes(bytes)} MiB free on the disk of the data directory; ${mebibytes(freeBytes)} MiB are.`;
  throw new AlcoveError("DiskFull", detail);
}

const lookEveryBytes = 64 * 1_048_576;

/** Passes bytes on, and looks now and then whether there is still room for more. */
export async function* whileRoom(
  chunks: AsyncIterable<Uint8Array>,
  { path, spareBytes, what }: { readonly path: string; readonly spareBytes: number; readonly what: string },
): AsyncGenerator<Uint8Array> {
  let left = 0;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) {
      await requireRoom(path, spareBytes, what);
      left = lookEveryBytes;
    }
    yield chunk;
  }
}

/** What is on a sparse disk, without reading its holes: a raw image of many GiB may hold a few hundred MiB. */
import { open, stat } from "node:fs/promises";
import { run } from "./run.js";

export interface DataBlock {
  /** Its place, in bytes: a multiple of the block's size. */
  readonly at: number;
  /** Valid until the next one is asked for. The last of a file may be shorter than the others. */
  readonly block: Buffer;
}

/** Of `qemu-img map --output=json`. */
const extentLine = /"start": (\d+), "length": (\d+),.* "data": (true|false)/;

/** Blocks that are not zero, in their order: holes are worth as much as written zeros. */
export async function* dataBlocks(path: string, blockBytes: number, signal?: AbortSignal): AsyncGenerator<DataBlock> {
  const buffer = Buffer.allocUnsafe(blockBytes);
  const zeros = Buffer.alloc(blockBytes);
  const blocks = await blocksWithData(path, blockBytes, signal);
  await using file = await open(path, "r");
  for (const at of blocks) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, blockBytes, at);
    const block = buffer.subarray(0, bytesRead);
    if (!block.equals(zeros.subarray(0, bytesRead))) yield { at, block };
  }
}

/** Where the blocks begin that hold any data. Each extent is a line, so that a file in a million pieces takes no more memory. */
async function blocksWithData(path: string, blockBytes: number, signal: AbortSignal | undefined): Promise<number[]> {
  const blocks: number[] = [];
  let seenBytes = 0;
  const onLine = (line: string) => {
    const [, start, length, data] = extentLine.exec(line) ?? [];
    if (start === undefined) return;
    seenBytes += Number(length);
    if (data !== "true") return;
    const first = Math.floor(Number(start) / blockBytes) * blockBytes;
    // Several extents may lie in one block.
    const next = blocks.length === 0 ? 0 : (blocks.at(-1) ?? 0) + blockBytes;
    for (let at = Math.max(first, next); at < Number(start) + Number(length); at += blockBytes) blocks.push(at);
  };
  const options = { timeoutMs: 60_000, onLine, ...(signal === undefined ? {} : { signal }) };
  await run("qemu-img", ["map", "-U", "--output=json", "-f", "raw", path], options);
  const { size } = await stat(path);
  // It counts in whole sectors.
  if (seenBytes < size) throw new Error(`qemu-img told of ${seenBytes} of the ${size} bytes of ${path}`);
  return blocks;
}

/** One file as a tar and back: all that Docker's archive endpoint needs here. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";

const blockBytes = 512;

export function fileAsTar(file: { readonly path: string; readonly sizeBytes: number }, name: string): Readable {
  return Readable.from(
    (async function* () {
      yield header(name, file.sizeBytes);
      yield* createReadStream(file.path, { highWaterMark: 1_048_576 });
      const padding = (blockBytes - (file.sizeBytes % blockBytes)) % blockBytes;
      yield Buffer.alloc(padding + 2 * blockBytes);
    })(),
    { objectMode: false, highWaterMark: 1_048_576 },
  );
}

/** Writes the tar's first file and answers its size. */
export async function fileFromTar(tar: Readable, path: string): Promise<number> {
  await using file = await open(path, "w");
  let head = Buffer.alloc(0);
  let left: number | undefined;
  let written = 0;
  for await (const chunk of tar as AsyncIterable<Buffer>) {
    let data = chunk;
    if (left === undefined) {
      head = Buffer.concat([head, chunk]);
      if (head.length < blockBytes) continue;
      left = Number.parseInt(head.toString("latin1", 124, 135), 8);
      data = head.subarray(blockBytes);
    }
    const part = data.subarray(0, left);
    await file.write(part);
    left -= part.length;
    written += part.length;
  }
  return written;
}

function header(name: string, sizeBytes: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0);
  block.write(octal(0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(sizeBytes, 11), 124);
  block.write(octal(0, 11), 136);
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

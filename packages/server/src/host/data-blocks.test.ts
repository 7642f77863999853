import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dataBlocks } from "./data-blocks.js";

const mebibyte = 1_048_576;

test("Blocks with data come once each and in order, however many pieces the file is in; zeros and holes do not", async () => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-blocks-"));
  const path = join(directory, "disk");
  {
    await using file = await open(path, "wx");
    await file.truncate(40_000 * mebibyte + 100);
    const piece = Buffer.alloc(4096, "x");
    for (let at = 0; at < 8 * mebibyte; at += 8192) await file.write(piece, 0, piece.length, at + 3 * mebibyte);
    await file.write(Buffer.alloc(mebibyte), 0, mebibyte, 20 * mebibyte);
    await file.write("end", 40_000 * mebibyte + 90);
  }
  const seen: (readonly [number, number])[] = [];
  for await (const { at, block } of dataBlocks(path, mebibyte)) seen.push([at / mebibyte, block.length]);
  expect(seen).toEqual([...[3, 4, 5, 6, 7, 8, 9, 10].map((at) => [at, mebibyte]), [40_000, 100]]);
  await rm(directory, { recursive: true });
});

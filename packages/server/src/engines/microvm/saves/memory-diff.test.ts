import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { partsOf, stretchesOf } from "./capture.js";
import { DiffWriter, readDiff, readPages } from "./memory-diff.js";

const page = 4096;
const memoryBytes = 100 * page;

let directory: string;
let file: FileHandle;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-diff-"));
  file = await open(join(directory, "memory.diff"), "wx+");
  const writer = new DiffWriter(file, page);
  writer.addData(3, Buffer.alloc(2 * page, 1));
  await writer.flush();
  writer.addData(5, Buffer.alloc(page, 2));
  writer.addZeros(6, 4);
  writer.addData(40, Buffer.alloc(page, 3));
  await writer.finish();
});
afterEach(async () => {
  await file.close();
  await rm(directory, { recursive: true });
});

test("pages come back under their numbers, cut into parts, and zeros take no bytes", async () => {
  const diff = await readDiff(file, memoryBytes);
  expect(diff.runs).toEqual([
    { firstPage: 3, pages: 3, isZero: false },
    { firstPage: 6, pages: 4, isZero: true },
    { firstPage: 40, pages: 1, isZero: false },
  ]);
  const parts: [number, number, number][][] = [];
  for await (const part of readPages(diff, 2 * page)) {
    parts.push(part.map(({ firstPage, bytes }) => [firstPage, bytes.length / page, bytes[0] ?? 0]));
  }
  expect(parts).toEqual([
    [[3, 2, 1]],
    [
      [5, 1, 2],
      [40, 1, 3],
    ],
  ]);
  expect((await file.stat()).size).toBe(4096 + 4 * page + 3 * 8);
});

test("one that is cut short, or was never finished, is refused", async () => {
  await file.truncate(4096 + 3 * page);
  await expect(readDiff(file, memoryBytes)).rejects.toThrow("and its header says");
  await file.write(Buffer.alloc(16), 0, 16, 0);
  await expect(readDiff(file, memoryBytes)).rejects.toThrow("no header");
});

test("a byte of a page, or of the table, that is another now is seen before anything goes on", async () => {
  const read = async () => {
    for await (const _ of readPages(await readDiff(file, memoryBytes), 2 * page));
  };
  await read();
  for (const [position, right, wrong] of [
    [4096 + 2 * page + 7, 2, 3],
    [4096 + 4 * page + 16, 40, 41],
  ] as const) {
    await file.write(Buffer.of(wrong), 0, 1, position);
    await expect(read()).rejects.toThrow("not as they were written");
    await file.write(Buffer.of(right), 0, 1, position);
  }
  await read();
});

test("a table that leads past the memory's end, or back, is refused", async () => {
  await expect(readDiff(file, 40 * page)).rejects.toThrow("not in order");
  const backwards = Buffer.alloc(4);
  backwards.writeUInt32LE(2);
  await file.write(backwards, 0, 4, 4096 + 4 * page + 16);
  await expect(readDiff(file, memoryBytes)).rejects.toThrow("not in order");
});

test("pages that lie near each other are read together, within a part", () => {
  expect([...stretchesOf([1, 2, 10, 100, 101, 130], 64)]).toEqual([[1, 2, 10], [100, 101], [130]]);
  expect([...stretchesOf([1, 2, 3, 4], 2)]).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect([...stretchesOf([], 2)]).toEqual([]);
  expect([...partsOf([[1, 2], [10], [20, 30], [40]], 4)]).toEqual([[[1, 2], [10]], [[20, 30]], [[40]]]);
});

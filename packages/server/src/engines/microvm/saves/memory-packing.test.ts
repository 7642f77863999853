import { randomBytes } from "node:crypto";
import { link, mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keptPathsIn, makeRoots, suspendedDirectory } from "../machine/machine-paths.js";
import { DiffWriter, readDiff, readPages } from "./memory-diff.js";
import { packOnce } from "./memory-packer.js";
import { packMemory } from "./memory-packing.js";

const never = new AbortController().signal;
const page = 4096;
const memoryBytes = 4_096 * page;

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-packing-"));
  path = join(directory, "memory.diff");
  await writeMemory(path);
});
afterEach(() => rm(directory, { recursive: true }));

/** Three chunks of pages of which half can be made smaller, and zeros between them. */
async function writeMemory(to: string): Promise<void> {
  await using file = await open(to, "wx");
  const writer = new DiffWriter(file, page);
  writer.addData(0, Buffer.alloc(300 * page, "alcove"));
  writer.addZeros(300, 10);
  writer.addData(310, randomBytes(300 * page));
  writer.addData(2_000, Buffer.alloc(page, 7));
  await writer.finish();
}

/** Every page with bytes, under its number. */
async function pagesOf(from: string): Promise<string[]> {
  await using file = await open(from, "r");
  const diff = await readDiff(file, memoryBytes);
  const pages: string[] = diff.runs.map(({ firstPage, pages, isZero }) => `${firstPage}+${pages} ${isZero}`);
  for await (const part of readPages(diff, 5 * page)) {
    for (const { firstPage, bytes } of part) pages.push(`${firstPage} ${Buffer.from(bytes).toString("base64")}`);
  }
  return pages;
}

test("packed it takes less, has the same pages, and is packed once", async () => {
  const before = await pagesOf(path);
  const { size } = await stat(path);
  expect(await packMemory(path, never)).toBe(true);
  expect((await stat(path)).size).toBeLessThan(0.6 * size);
  expect(await pagesOf(path)).toEqual(before);
  expect(await packMemory(path, never)).toBe(false);
  expect(await readdir(directory)).toEqual(["memory.diff"]);
});

test("one that is altered or cut short when it is packed is refused, wherever that is", async () => {
  await packMemory(path, never);
  const whole = await readFile(path);
  for (const at of [17, 24, 28, 33, 60, Math.floor(whole.length / 2), whole.length - 1]) {
    const altered = Buffer.from(whole);
    altered.writeUInt8((altered.readUInt8(at) ^ 0x55) & 0xff, at);
    await writeFile(path, altered);
    await expect(pagesOf(path), `byte ${at}`).rejects.toThrow();
  }
  await writeFile(path, whole);
  await truncate(path, whole.length - 100);
  await expect(pagesOf(path)).rejects.toThrow("packed pages");
});

test("what cannot be made smaller, or has another name, stays as it is; a packing that is given up leaves nothing", async () => {
  const noise = join(directory, "noise");
  await writeFile(noise, randomBytes(2 ** 20 + 5));
  expect(await packMemory(noise, never)).toBe(false);
  await expect(packMemory(path, AbortSignal.abort())).rejects.toThrow("abort");
  await link(path, join(directory, "snapshot"));
  expect(await packMemory(path, never)).toBe(false);
  expect((await readdir(directory)).sort()).toEqual(["memory.diff", "noise", "snapshot"]);
});

test("what a killed packing left is written anew, and the memory was whole all the while", async () => {
  const before = await pagesOf(path);
  await writeFile(`${path}.packed`, "half");
  expect(await pagesOf(path)).toEqual(before);
  expect(await packMemory(path, never)).toBe(true);
  expect(await pagesOf(path)).toEqual(before);
});

test("only a machine that has slept long enough has its memory packed, and is looked at once", async () => {
  const roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  const [old, young] = ["old", "young"].map((id) => keptPathsIn(join(suspendedDirectory(roots), id)));
  if (old === undefined || young === undefined) throw new Error("there are two");
  for (const kept of [old, young]) {
    await mkdir(kept.directory);
    await writeMemory(kept.memory);
  }
  const anHourAgo = Date.now() / 1_000 - 3_600;
  await utimes(old.memory, anHourAgo, anHourAgo);
  const seen = new Set<string>();
  const pack = () => packOnce(roots, { afterMs: 60_000 }, seen, never);
  const { size } = await stat(young.memory);
  expect(await pack()).toBe(1);
  expect((await stat(old.memory)).size).toBeLessThan(size);
  expect((await stat(young.memory)).size).toBe(size);
  expect(await pack()).toBe(0);
});

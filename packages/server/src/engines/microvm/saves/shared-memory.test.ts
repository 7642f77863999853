import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Footing, memoryFileOf, templateOf } from "../machine/footing.js";
import type { MachineHost } from "../machine/machine-host.js";
import { makeRoots, memoriesDirectory, type Roots } from "../machine/machine-paths.js";
import { Holdings } from "./holdings.js";
import { keptPaths, type Manifest, makeKept, readManifest } from "./kept.js";
import { DiffWriter } from "./memory-diff.js";
import { forget, removeLeftMemories } from "./saves-recovery.js";
import { shareMemory } from "./shared-memory.js";

const id = "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11";
const machineId = "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d12";
const snapshot = { kind: "snapshot", snapshotId: id } as const;
const page = 4096;
const memoryMiB = 32;
const footing: Footing = {
  ...{ templateKey: "ab", memory: { kind: "template" }, layers: [] },
  image: { name: "debian", digest: "d", path: "/debian.raw", warm: [] },
  size: { cpuMillicores: 250, memoryMiB, diskMiB: 1024 },
};
const plenty = { keptFreeBytes: 0, signal: new AbortController().signal };

let directory: string;
let roots: Roots;
let host: MachineHost;
let expected: Buffer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-share-"));
  roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  const installation = { platform: { qemuVersion: [7, 2] } };
  host = { roots, holdings: new Holdings(roots), installation, users: undefined } as unknown as MachineHost;
  const { memory } = templateOf(roots, footing);
  await mkdir(dirname(memory), { recursive: true });
  expected = Buffer.alloc(memoryMiB * 1024 * 1024, 7);
  await writeFile(memory, expected);
});
afterEach(() => rm(directory, { recursive: true }));

async function keep(changedMiB: number): Promise<Manifest> {
  const pages = randomBytes(changedMiB * 1024 * 1024);
  return await makeKept(keptPaths(roots, snapshot), async ({ memory }) => {
    await using file = await open(memory, "wx");
    const writer = new DiffWriter(file, page);
    await writer.addData(3, pages);
    writer.addZeros(3 + pages.length / page, 5);
    await writer.finish();
    pages.copy(expected, 3 * page);
    expected.fill(0, 3 * page + pages.length, 8 * page + pages.length);
    const taken = { making: "m", generation: 1, isFrozen: true, pausedMs: 1 };
    return { version: 1, id, mode: "Memory", footing, ...taken };
  });
}

test("the whole memory is the template's with the changed pages in it, and goes with the last who stands on it", async () => {
  await shareMemory(host, await keep(17), plenty);
  const shared = await readManifest(keptPaths(roots, snapshot));
  if (shared === undefined) throw new Error("nothing is kept");
  expect(shared.isWholeMemory).toBe(true);
  expect((await readFile(memoryFileOf(host, machineId, shared.footing))).equals(expected)).toBe(true);
  const machine = { kind: "machine", id: machineId } as const;
  host.holdings.hold(machine, shared.footing);
  await forget(host, snapshot);
  expect(await readdir(memoriesDirectory(roots))).toHaveLength(1);
  await host.holdings.release(machine);
  expect(await readdir(memoriesDirectory(roots))).toEqual([]);
});

test("few changed pages stay with the snapshot; a memory that a killed daemon left is removed", async () => {
  const manifest = await keep(1);
  await shareMemory(host, manifest, plenty);
  expect(await readManifest(keptPaths(roots, snapshot))).toEqual(manifest);
  await writeFile(join(memoriesDirectory(roots), id), "left");
  expect(await removeLeftMemories(host)).toHaveLength(1);
  expect(await readdir(memoriesDirectory(roots))).toEqual([]);
});

test("a disk that would have too little room left refuses, with figures, and nothing is changed", async () => {
  const manifest = await keep(17);
  const sharing = shareMemory(host, manifest, { ...plenty, keptFreeBytes: Number.MAX_SAFE_INTEGER });
  await expect(sharing).rejects.toMatchObject({
    code: "DiskFull",
    message: expect.stringMatching(/needs up to (?:49|5\d) MiB of disk; \d+ MiB are free, and \d+ MiB have to stay so/),
  });
  expect(await readManifest(keptPaths(roots, snapshot))).toEqual(manifest);
  expect(await readdir(memoriesDirectory(roots))).toEqual([]);
});

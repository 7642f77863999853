import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../store/test-record.js";
import { machinePaths, makeRoots, type Roots } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { lendVolume, takeBackVolume } from "./lent-volumes.js";
import { headPath } from "./volume-manifest.js";

const bytes = 64 * 1024 * 1024;
const machine = { id: randomUUID(), uid: undefined };

test("a machine has the volume's disk under a name of its own, and the volume outlives that", async () => {
  await using place = await makePlace();
  const { roots, volume } = place;
  const { node } = await lendVolume(roots, machine, { volumeId: volume.id, slot: 1, isReadOnly: false });
  const [name] = await readdir(machinePaths(roots, machine.id).directory);
  expect(node).toMatchObject({ "node-name": "volume1", file: { filename: expect.stringContaining(String(name)) } });
  expect((await stat(headPath(roots, volume))).nlink).toBe(2);
  await takeBackVolume(roots, machine, volume.id);
  expect(await readdir(machinePaths(roots, machine.id).directory)).toEqual([]);
  expect((await stat(headPath(roots, volume))).nlink).toBe(1);
});

test("read-only, its disk cannot be written, and what is written goes elsewhere", async () => {
  await using place = await makePlace();
  const { roots, volume } = place;
  const { node } = await lendVolume(roots, machine, { volumeId: volume.id, slot: 0, isReadOnly: true });
  expect(node).toMatchObject({
    file: { filename: expect.stringContaining("-cover.qcow2") },
    backing: { "read-only": true },
  });
  expect((await stat(headPath(roots, volume))).mode & 0o777).toBe(0o444);
  await takeBackVolume(roots, machine, volume.id);
  expect(await readdir(machinePaths(roots, machine.id).directory)).toEqual([]);
});

test("a disk whose header leads to another file is handed to nobody", async () => {
  await using place = await makePlace({ standsOn: "/etc/shadow" });
  const { roots, volume } = place;
  const lent = lendVolume(roots, machine, { volumeId: volume.id, slot: 0, isReadOnly: false });
  await expect(lent).rejects.toMatchObject({ code: "EngineUnavailable", message: expect.stringContaining(volume.id) });
  expect(await readdir(machinePaths(roots, machine.id).directory)).toEqual([]);
});

async function makePlace({ standsOn }: { readonly standsOn?: string } = {}) {
  const directory = temporaryDirectory();
  const roots: Roots = { dataDirectory: join(directory.path, "data"), runtimeDirectory: join(directory.path, "run") };
  await makeRoots(roots);
  const volume = { id: randomUUID(), head: randomUUID() };
  const head = headPath(roots, volume);
  await mkdir(join(head, ".."));
  await mkdir(machinePaths(roots, machine.id).directory);
  await writeFile(join(head, "..", "volume.json"), JSON.stringify({ version: 1, ...volume, bytes }));
  await writeOverlay(head, { path: standsOn ?? "/nothing", format: "raw" }, { virtualBytes: bytes });
  if (standsOn === undefined) await standAlone(head);
  return { roots, volume, [Symbol.asyncDispose]: async () => directory[Symbol.dispose]() };
}

async function standAlone(disk: string): Promise<void> {
  await using file = await open(disk, "r+");
  await file.write(Buffer.alloc(12), 0, 12, 8);
}

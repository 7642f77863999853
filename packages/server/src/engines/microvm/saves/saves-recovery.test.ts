import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Kept } from "../../engine.js";
import { type Footing, mostLayers, requireRoomForLayer } from "../machine/footing.js";
import { layerPath, machinePaths, makeRoots, type Roots } from "../machine/machine-paths.js";
import { writeMachineRecord } from "../machine/machine-record.js";
import { Holdings } from "./holdings.js";
import { keptPaths, type Manifest, makeKept, readManifest, removeKept } from "./kept.js";
import { forget, recoverSaves, removeLeftLayers } from "./saves-recovery.js";

const idOf = (digit: number) => `3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d1${digit}`;
const [sandbox, snapshot, lowest, top, stray] = [idOf(1), idOf(2), idOf(3), idOf(4), idOf(5)] as [
  string,
  string,
  string,
  string,
  string,
];
const suspended: Kept = { kind: "suspended", sandboxId: sandbox };
const taken: Kept = { kind: "snapshot", snapshotId: snapshot };

let directory: string;
let roots: Roots;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-saves-"));
  roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  for (const layer of [lowest, top, stray]) await writeFile(layerPath(roots, layer), "a layer");
  await keep(suspended, sandbox, [top, lowest]);
  await keep(taken, snapshot, [lowest]);
});
afterEach(() => rm(directory, { recursive: true }));

function footingOn(layers: readonly string[]): Footing {
  const image = { name: "debian", digest: "d", path: "/debian.raw", warm: [] };
  const size = { cpuMillicores: 250, memoryMiB: 512, diskMiB: 1024 };
  return { templateKey: "ab", memory: { kind: "template" }, layers, image, size };
}

async function keep(kept: Kept, id: string, layers: readonly string[]): Promise<void> {
  const footing = footingOn(layers);
  const manifest: Manifest = {
    ...{ version: 1, id, mode: "Memory", footing, making: "m" },
    ...{ generation: 1, isFrozen: true, pausedMs: 1 },
  };
  await makeKept(keptPaths(roots, kept), async () => manifest);
}

async function layers(): Promise<readonly string[]> {
  return (await readdir(join(roots.dataDirectory, "layers"))).map((name) => name.replace(".qcow2", "")).sort();
}

test("what is on record stays with its layers; what nobody claims, or was half made, goes, and so do layers without a user", async () => {
  await mkdir(join(roots.dataDirectory, "suspended/.making-0"));
  const host = { roots, holdings: new Holdings(roots) };
  const missing = idOf(6);
  const owned = { running: new Set<string>(), suspended: new Set([sandbox, missing]), snapshots: new Set<string>() };
  const { suspended: whole, lost, removed } = await recoverSaves(host, owned);
  await removeLeftLayers(host);
  expect([...whole]).toEqual([sandbox]);
  expect([...lost.keys()]).toEqual([missing]);
  expect(removed).toHaveLength(2);
  expect(await readdir(join(roots.dataDirectory, "suspended"))).toEqual([sandbox]);
  expect(await readdir(join(roots.dataDirectory, "snapshots"))).toEqual([]);
  expect(await layers()).toEqual([lowest, top]);
});

test("a machine that nobody has taken over yet keeps its layers when the snapshot goes that stands on them too", async () => {
  const paths = machinePaths(roots, sandbox);
  await mkdir(paths.directory);
  const groups: readonly string[] = [];
  const process = { pid: 1, startTime: "0", hostBootId: "b", groups, cpuMillicores: 250, generation: 1 };
  const record = {
    version: 1,
    id: sandbox,
    ...process,
    templateKey: "ab",
    footing: footingOn([lowest]),
    layering: stray,
  };
  await writeMachineRecord(paths.record, { ...record, version: 1 });
  await removeKept(keptPaths(roots, suspended));
  const host = { roots, holdings: new Holdings(roots) };
  await recoverSaves(host, { running: new Set([sandbox]), suspended: new Set(), snapshots: new Set() });
  expect(await layers()).toEqual([lowest, top, stray]);
  await removeLeftLayers(host);
  expect(await layers()).toEqual([lowest, stray]);
});

test("a layer whose machine was killed while it was suspended is ours alone, and one that is gone keeps no daemon from starting", async () => {
  await chmod(layerPath(roots, top), 0o640);
  await rm(layerPath(roots, lowest));
  const host = { roots, holdings: new Holdings(roots) };
  await recoverSaves(host, { running: new Set(), suspended: new Set([sandbox]), snapshots: new Set([snapshot]) });
  await removeLeftLayers(host);
  expect((await stat(layerPath(roots, top))).mode & 0o777).toBe(0o444);
  expect(await layers()).toEqual([top]);
});

test("what cannot be read now does not count as lost", async () => {
  const { manifest } = keptPaths(roots, suspended);
  await rm(manifest);
  await mkdir(manifest);
  const owned = { running: new Set<string>(), suspended: new Set([sandbox]), snapshots: new Set([snapshot]) };
  await expect(recoverSaves({ roots, holdings: new Holdings(roots) }, owned)).rejects.toThrow("EISDIR");
});

test("what a newer Alcove kept does not count as lost, and its layers stay", async () => {
  await writeFile(keptPaths(roots, suspended).manifest, '{"version":2,"footing":"of another kind"}');
  const before = await layers();
  const owned = { running: new Set<string>(), suspended: new Set([sandbox]), snapshots: new Set([snapshot]) };
  await expect(recoverSaves({ roots, holdings: new Holdings(roots) }, owned)).rejects.toThrow("a newer Alcove wrote");
  expect(await layers()).toEqual(before);
});

test("a disk that stands on as many layers as may be gets no other", () => {
  for (const purpose of ["stop", "snapshot"] as const) {
    const many = Array.from({ length: mostLayers[purpose] }, () => lowest);
    expect(() => requireRoomForLayer(sandbox, footingOn(many.slice(1)), purpose)).not.toThrow();
    expect(() => requireRoomForLayer(sandbox, footingOn(many), purpose)).toThrow(`${mostLayers[purpose]} layers`);
  }
});

test("what has as many layers as a snapshot may add to can still be stopped, and is told how to get rid of some", () => {
  const footing = footingOn(Array.from({ length: mostLayers.snapshot }, () => lowest));
  expect(() => requireRoomForLayer(sandbox, footing, "stop")).not.toThrow();
  expect(() => requireRoomForLayer(sandbox, footing, "snapshot")).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("Delete its snapshots, the newest first, then stop it") }),
  );
});

test("a layer goes with the last who stands on it, a running machine included", async () => {
  const host = { roots, holdings: new Holdings(roots) };
  const manifest = await readManifest(keptPaths(roots, taken));
  if (manifest === undefined) throw new Error("the snapshot is not kept");
  host.holdings.hold({ kind: "machine", id: "m" }, manifest.footing);
  await forget(host, taken);
  await forget(host, suspended);
  expect(await layers()).toEqual([lowest, stray]);
  await host.holdings.release({ kind: "machine", id: "m" });
  expect(await layers()).toEqual([stray]);
});

test("what cannot be filled leaves nothing, and what is kept is not replaced", async () => {
  const fails = makeKept(keptPaths(roots, { kind: "snapshot", snapshotId: stray }), () =>
    Promise.reject(new Error("no room")),
  );
  await expect(fails).rejects.toThrow("no room");
  await expect(keep(taken, snapshot, [])).rejects.toThrow();
  expect(await readdir(join(roots.dataDirectory, "snapshots"))).toEqual([snapshot]);
  expect((await readManifest(keptPaths(roots, taken)))?.footing.layers).toEqual([lowest]);
});

/** Volumes that are frozen, copied from what was frozen, and taken back to it; and what daemons that died meanwhile leave. */
import { randomUUID } from "node:crypto";
import { chmod, link, mkdir, open, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../store/test-record.js";
import { mostVolumeLayers } from "../machine/footing.js";
import { layerPath, layersDirectory, machinePaths, makeRoots, volumesDirectory } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { Holdings } from "../saves/holdings.js";
import { keptPaths, makeKept } from "../saves/kept.js";
import { forget, removeLeftLayers } from "../saves/saves-recovery.js";
import { lendVolume } from "./lent-volumes.js";
import { freezeAtRest, freezeVolume, isAsIn, requireRoomForLayers, restoreVolume } from "./volume-layers.js";
import { headPath, readVolume, volumeDirectory } from "./volume-manifest.js";
import { copyVolume, removeLeftVolumes, removeVolume } from "./volume-store.js";

const bytes = 64 * 1024 * 1024;
const never = new AbortController().signal;

test("what a volume was is a layer with the same bytes, and an empty disk stands on it", async () => {
  await using place = await makePlace();
  const { host, roots, id } = place;
  const before = await readVolume(roots, id);
  const { ino } = await stat(headPath(roots, before));
  const frozen = await freezeVolume(host, before, undefined);
  expect(await readVolume(roots, id)).toEqual(frozen);
  expect((await stat(layerPath(roots, frozen.layers[0] ?? ""))).ino).toBe(ino);
  expect(await place.left()).toEqual({ volumes: [id], layers: 1 });
  const { node } = await place.lend(id);
  expect(node).toMatchObject({
    backing: { "read-only": true, file: { filename: expect.stringContaining(`/volume-${id}-`) } },
  });
});

test("one that nobody wrote to since is not frozen again", async () => {
  await using place = await makePlace();
  const { host, id } = place;
  const [first] = await freezeAtRest(host, [place.disk(id)]);
  const [again] = await freezeAtRest(host, [place.disk(id)]);
  expect(again).toEqual(first);
});

test("a copy of what was frozen and the volume go on by themselves, and a layer goes with the last that stands on it", async () => {
  await using place = await makePlace();
  const { host, roots, id } = place;
  const snapshotId = await place.snapshot();
  const to = randomUUID();
  await restoreVolume(host, { snapshotId, from: id, to });
  expect((await readVolume(roots, to)).layers).toEqual((await readVolume(roots, id)).layers);
  expect((await place.lend(to)).bytes).toBe(bytes);
  await removeVolume(host, id);
  await forget(host, { kind: "snapshot", snapshotId });
  expect((await place.left()).layers).toBe(1);
  await removeVolume(host, to);
  expect(await place.left()).toEqual({ volumes: [], layers: 0 });
});

test("a volume that goes back lets go of what it had since, and says whether it is as it was", async () => {
  await using place = await makePlace();
  const { host, roots, id } = place;
  const snapshotId = await place.snapshot();
  const asked = { snapshotId, from: id, to: id };
  expect(await isAsIn(host, asked)).toBe(true);
  await place.write(id);
  expect(await isAsIn(host, asked)).toBe(false);
  await freezeVolume(host, await readVolume(roots, id), undefined);
  expect(await isAsIn(host, asked)).toBe(false);
  for (const _ of [1, 2]) await restoreVolume(host, asked);
  expect(await isAsIn(host, asked)).toBe(true);
  expect(await place.left()).toEqual({ volumes: [id], layers: 1 });
});

test("a snapshot that has nothing of a volume gives none", async () => {
  await using place = await makePlace();
  const snapshotId = await place.snapshot();
  const asked = { snapshotId, from: randomUUID(), to: randomUUID() };
  await expect(restoreVolume(place.host, asked)).rejects.toMatchObject({ code: "SnapshotIncompatible" });
  expect((await place.left()).volumes).toEqual([place.id]);
});

test("a copy of a volume stands on the same layers", async () => {
  await using place = await makePlace();
  const { host, roots, id } = place;
  const snapshotId = await place.snapshot();
  const to = randomUUID();
  await copyVolume(host, { from: id, to }, never);
  await forget(host, { kind: "snapshot", snapshotId });
  await removeVolume(host, id);
  expect((await place.lend(to)).bytes).toBe(bytes);
  expect((await readVolume(roots, to)).layers).toHaveLength(1);
});

test("the next daemon keeps the layers of volumes and snapshots, and removes what a freeze that broke off left", async () => {
  await using place = await makePlace();
  const { roots, id } = place;
  await place.snapshot();
  const volume = await readVolume(roots, id);
  // Killed before the manifest was written.
  await link(headPath(roots, volume), layerPath(roots, randomUUID()));
  await writeFile(headPath(roots, { id, head: randomUUID() }), "");
  const next = { roots, holdings: new Holdings(roots) };
  await next.holdings.load();
  await removeLeftVolumes(next, new Set([id]));
  await removeLeftLayers(next);
  expect(await readVolume(roots, id)).toEqual(volume);
  expect(await place.left()).toEqual({ volumes: [id], layers: 1 });
  expect((await readdir(volumeDirectory(roots, id))).sort()).toEqual([`${volume.head}.qcow2`, "volume.json"].sort());
  expect((await place.lend(id)).bytes).toBe(bytes);

  const last = { roots, holdings: new Holdings(roots) };
  await last.holdings.load();
  await removeLeftVolumes(last, new Set());
  await forget(last, { kind: "snapshot", snapshotId: place.snapshotId });
  expect(await place.left()).toEqual({ volumes: [], layers: 0 });
});

test("a layer that leads to another file is handed to nobody", async () => {
  await using place = await makePlace();
  const { host, roots, id } = place;
  await freezeVolume(host, await readVolume(roots, id), undefined);
  const frozen = await freezeVolume(host, await readVolume(roots, id), undefined);
  const [top = "", lowest = ""] = frozen.layers;
  await place.replace(layerPath(roots, top), layerPath(roots, lowest).replace(/.{8}\.qcow2$/, "elsewher.qcow2"));
  await expect(place.lend(id)).rejects.toMatchObject({ code: "EngineUnavailable" });
});

test("a chain that QEMU could not be told of is not made", async () => {
  await using place = await makePlace();
  const { host, roots, id } = place;
  const manifest = join(volumeDirectory(roots, id), "volume.json");
  const layers = Array.from({ length: mostVolumeLayers }, () => randomUUID());
  await writeFile(manifest, JSON.stringify({ ...(await readVolume(roots, id)), layers }));
  const asked = requireRoomForLayers(host, [place.disk(id)]);
  await expect(asked).rejects.toMatchObject({
    code: "QuotaExceeded",
    message: expect.stringContaining(`${mostVolumeLayers}`),
  });
});

async function makePlace() {
  const directory = temporaryDirectory();
  const roots = { dataDirectory: join(directory.path, "data"), runtimeDirectory: join(directory.path, "run") };
  await makeRoots(roots);
  const host = { roots, holdings: new Holdings(roots) };
  const [id, machine, snapshotId] = [randomUUID(), randomUUID(), randomUUID()];
  const volume = { id, head: randomUUID() };
  await mkdir(volumeDirectory(roots, id));
  await mkdir(machinePaths(roots, machine).directory);
  await writeFile(join(volumeDirectory(roots, id), "volume.json"), JSON.stringify({ version: 1, ...volume, bytes }));
  await writeOverlay(headPath(roots, volume), { path: "/nothing", format: "raw" }, { virtualBytes: bytes });
  await standAlone(headPath(roots, volume));
  const disk = (volumeId: string) => ({ volumeId, slot: 0, isReadOnly: false });
  return {
    ...{ host, roots, id, snapshotId, disk },
    lend: (volumeId: string) => lendVolume(roots, { id: machine, uid: undefined }, disk(volumeId)),
    left: async () => ({
      volumes: (await readdir(volumesDirectory(roots))).sort(),
      layers: (await readdir(layersDirectory(roots))).length,
    }),
    async write(volumeId: string) {
      await using file = await open(headPath(roots, await readVolume(roots, volumeId)), "a");
      await file.write(Buffer.alloc(65_536));
    },
    async replace(path: string, backing: string) {
      await chmod(path, 0o600);
      await using file = await open(path, "r+");
      const length = Buffer.byteLength(backing);
      await file.write(Buffer.from(backing), 0, length, 104 + 16 + 8);
    },
    async snapshot() {
      const volumes = await freezeAtRest(host, [disk(id)]);
      const image = { name: "debian", digest: "d", path: "/debian", warm: [] };
      const footing = {
        templateKey: "ab",
        memory: { kind: "template" },
        layers: [],
        image,
        size: tiers.XS,
        volumes,
      } as const;
      const facts = { mode: "Disk", making: "m", generation: 1, isFrozen: true, pausedMs: 0 } as const;
      host.holdings.hold({ kind: "snapshot", snapshotId }, footing);
      const paths = keptPaths(roots, { kind: "snapshot", snapshotId });
      await makeKept(paths, async () => ({ version: 1, id: snapshotId, footing, ...facts }));
      return snapshotId;
    },
    [Symbol.asyncDispose]: async () => directory[Symbol.dispose](),
  };
}

async function standAlone(disk: string): Promise<void> {
  await using file = await open(disk, "r+");
  await file.write(Buffer.alloc(12), 0, 12, 8);
}

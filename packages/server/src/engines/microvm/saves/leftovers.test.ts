import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { layerPath, layersDirectory, makeRoots, sharedMemoryPath } from "../machine/machine-paths.js";
import { Holdings } from "./holdings.js";
import { findLeftovers, removeLeftovers } from "./leftovers.js";

const inTwoHours = () => Date.now() + 7_200_000;

test("a layer or memory that nobody stands on is left over when it was still for an hour; one that somebody stands on never", async () => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-leftovers-"));
  await using _ = { [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
  const roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  const holdings = new Holdings(roots);
  const [held, left] = ["3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11", "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d12"];
  for (const layer of [held, left]) await writeFile(layerPath(roots, layer), Buffer.alloc(8_192, 1));
  await writeFile(sharedMemoryPath(roots, left), Buffer.alloc(4_096, 1));
  const image = { name: "debian", digest: "d", path: "/debian.raw", warm: [] };
  const size = { cpuMillicores: 250, memoryMiB: 512, diskMiB: 1024 };
  holdings.hold(
    { kind: "machine", id: "machine" },
    { templateKey: "ab", memory: { kind: "template" }, layers: [held], image, size },
  );
  expect(await findLeftovers({ roots, holdings })).toEqual([]);
  const found = await findLeftovers({ roots, holdings }, inTwoHours());
  expect(found).toMatchObject([
    { kind: "layers", name: `${left}.qcow2`, bytes: 8_192 },
    { kind: "memories", name: left, bytes: 4_096 },
  ]);
  await removeLeftovers(found);
  expect(await readdir(layersDirectory(roots))).toEqual([`${held}.qcow2`]);
  expect(await findLeftovers({ roots, holdings }, inTwoHours())).toEqual([]);
});

import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { layerPath, makeRoots } from "../../packages/server/src/engines/microvm/machine/machine-paths.js";
import { keptPaths, makeKept, readManifest } from "../../packages/server/src/engines/microvm/saves/kept.js";
import { openStore } from "../../packages/server/src/store/store.js";
import { temporaryDirectory, testRecord } from "../../packages/server/src/store/test-record.js";
import { copyUntil } from "./copies.js";

const layer = "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11";

test("each copy has a row, a manifest that the engine reads, and a layer of its own", async () => {
  using directory = temporaryDirectory();
  const roots = { dataDirectory: directory.path, runtimeDirectory: `${directory.path}/run` };
  await makeRoots(roots);
  const original = testRecord({
    state: "Stopped",
    suspension: { mode: "Memory", kept: { ownBytes: 1, sharedBytes: 2 } },
  });
  const store = openStore(directory.path);
  store.sandboxes.insert(original);
  store.sandboxes.insert(testRecord({ state: "Stopped" }));
  store.close();
  await suspend(roots, original.id);

  const copies = await copyUntil(directory.path, 4);

  expect(copies).toHaveLength(3);
  const manifests = await Promise.all(
    copies.map((sandboxId) => readManifest(keptPaths(roots, { kind: "suspended", sandboxId }))),
  );
  expect(manifests.map((manifest) => manifest?.id)).toEqual(copies);
  expect(new Set([layer, ...manifests.flatMap((manifest) => manifest?.footing.layers ?? [])]).size).toBe(4);
  const after = openStore(directory.path);
  expect(copies.map((id) => after.sandboxes.find(id)?.suspension)).toEqual(copies.map(() => original.suspension));
  after.close();
});

async function suspend(roots: Parameters<typeof keptPaths>[0], id: string): Promise<void> {
  const image = { name: "debian", digest: "d", path: "/debian.raw", warm: [] };
  const size = { cpuMillicores: 250, memoryMiB: 256, diskMiB: 1_024 };
  const footing = { templateKey: "ab", memory: { kind: "template" as const }, layers: [layer], image, size };
  await writeFile(layerPath(roots, layer), "a layer");
  await makeKept(keptPaths(roots, { kind: "suspended", sandboxId: id }), async (paths) => {
    await writeFile(paths.memory, "pages");
    await writeFile(paths.state, "devices");
    return { version: 1, id, mode: "Memory", footing, making: "m", generation: 1, isFrozen: true, pausedMs: 1 };
  });
}

import { link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { layerPath, machinePaths, makeRoots, templatesDirectory } from "../machine/machine-paths.js";
import { diskUse } from "./disk-use.js";
import { Holdings } from "./holdings.js";

test("a disk that has become a layer is counted there alone, and what somebody stands on is told apart", async () => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-disk-use-"));
  await using _ = { [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
  const roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  const holdings = new Holdings(roots);
  const [held, left] = ["3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11", "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d12"];
  const paths = machinePaths(roots, "machine");
  for (const name of ["ab", "cd", ".making-ef"]) await mkdir(join(templatesDirectory(roots), name));
  await mkdir(paths.directory);
  for (const layer of [held, left]) await writeFile(layerPath(roots, layer), Buffer.alloc(256 * 1024, 1));
  await link(layerPath(roots, held), paths.overlay);
  const image = { name: "debian", digest: "d", path: "/debian.raw", warm: [] };
  const size = { cpuMillicores: 250, memoryMiB: 512, diskMiB: 1024 };
  const footing = { templateKey: "ab", memory: { kind: "template" }, layers: [held], image, size } as const;
  holdings.hold({ kind: "machine", id: "machine" }, footing);

  const uses = new Map((await diskUse({ roots, holdings })).map((use) => [use.kind, use]));
  expect(uses.get("layers")).toMatchObject({ count: 2, inUse: 1 });
  expect(uses.get("layers")?.bytes).toBeGreaterThanOrEqual(512 * 1024);
  expect(uses.get("running")).toMatchObject({ count: 1 });
  expect(uses.get("running")?.bytes).toBeLessThan(256 * 1024);
  expect(uses.get("templates")).toMatchObject({ count: 2, inUse: 1 });
  expect(uses.get("suspended")).toMatchObject({ count: 0, bytes: 0 });
});

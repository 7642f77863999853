/** Laying a layer under a QEMU that is slow, or that somebody has escaped from. */
import { randomUUID } from "node:crypto";
import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { MachineHost } from "../machine/machine-host.js";
import { layersDirectory, machinePaths } from "../machine/machine-paths.js";
import { QmpError } from "../qmp/qmp.js";
import { DiskInDoubt, layDisks } from "./disk-laying.js";
import type { Suspendable } from "./suspension.js";

const id = randomUUID();
const layer = randomUUID();
const image = { name: "debian", digest: "d", path: "/debian", warm: [] };
const footing = { templateKey: "ab", memory: { kind: "template" }, layers: [], image, size: tiers.XS };
const laying = { layer, volumes: [] };
const late = () => Promise.reject(new DOMException("no answer", "TimeoutError"));
let dataDirectory: string;
let host: MachineHost;

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "alcove-lay-"));
  host = { roots: { dataDirectory, runtimeDirectory: dataDirectory } } as unknown as MachineHost;
  const { directory, overlay, record } = paths();
  await mkdir(directory, { recursive: true });
  await mkdir(layersDirectory(host.roots));
  await writeFile(overlay, "disk");
  await writeFile(
    record,
    JSON.stringify({
      version: 1,
      id,
      pid: 1,
      startTime: "1",
      hostBootId: "b",
      groups: [],
      cpuMillicores: 1_000,
      generation: 1,
      templateKey: "ab",
    }),
  );
});
afterEach(() => rm(dataDirectory, { recursive: true }));

const paths = () => machinePaths(host.roots, id);
const left = async () => [
  (await readdir(layersDirectory(host.roots))).length,
  (await readdir(paths().directory)).filter((name) => name.startsWith("next-")).length,
];

/** Answers the transaction too late, and then says what it writes to. */
function machine(activeDisk: (next: string) => Promise<string>): Suspendable {
  let next = "";
  const execute = async (command: string, args: { readonly actions?: { data: Record<string, string> }[] }) => {
    if (command === "blockdev-del") {
      const has = (await activeDisk(next)) === next;
      throw new QmpError(has ? "Node root-1 is in use" : "Failed to find node with node-name='root-1'");
    }
    next = args.actions?.[0]?.data["snapshot-file"] ?? "";
    return late();
  };
  return { id, uid: undefined, footing, qmp: { isClosed: false, execute } } as unknown as Suspendable;
}

test("a layer that QEMU laid after the time for its answer is one all the same", async () => {
  const next = await layDisks(
    host,
    machine(async (asked) => asked),
    laying,
  );
  expect(next).toContain(layer);
  expect(await left()).toEqual([1, 1]);
});

test("of a layer that QEMU did not lay nothing is left", async () => {
  await expect(
    layDisks(
      host,
      machine(async () => paths().overlay),
      laying,
    ),
  ).rejects.toThrow("no answer");
  expect(await left()).toEqual([0, 0]);
});

test("where QEMU does not say what it writes to both files stay, and that is told", async () => {
  await expect(layDisks(host, machine(late), laying)).rejects.toThrow(DiskInDoubt);
  expect(await left()).toEqual([1, 1]);
});

test("what was put in the place of the disk is not taken for it", async () => {
  const canary = join(dataDirectory, "canary");
  await writeFile(canary, "of the host", { mode: 0o600 });
  await rm(paths().overlay);
  await symlink(canary, paths().overlay);
  await expect(
    layDisks(
      host,
      machine(async (asked) => asked),
      laying,
    ),
  ).rejects.toThrow();
  expect((await lstat(canary)).mode & 0o777).toBe(0o600);
  expect(await left()).toEqual([0, 0]);
});

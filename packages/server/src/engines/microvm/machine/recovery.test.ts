import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeLeftBuilders } from "../builder/builder.js";
import { Holdings } from "../saves/holdings.js";
import type { MicrovmMachine } from "./machine.js";
import type { MachineHost } from "./machine-host.js";
import { builderPaths, machinePaths, makeRoots, shortId } from "./machine-paths.js";
import { recoverMachines } from "./recovery.js";

const [held, unclaimed] = ["3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11", "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d12"];
const never = new AbortController().signal;

const none: ReadonlySet<string> = new Set();
let directory: string;
let host: MachineHost;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-recovery-"));
  const roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  host = {
    roots,
    holdings: new Holdings(roots),
    hostBootId: "boot",
    cgroups: undefined,
    users: undefined,
  } as unknown as MachineHost;
  for (const id of [held, unclaimed]) await mkdir(machinePaths(roots, id).directory);
});
afterEach(() => rm(directory, { recursive: true }));

test("a recovery that is tried again leaves the machines that it has, and removes what nobody claims", async () => {
  const machine = { id: held } as MicrovmMachine;
  const recovery = await recoverMachines(
    host,
    new Set([held]),
    { machines: new Map([[held, machine]]), builders: none },
    never,
  );
  expect(recovery).toEqual({
    machines: [machine],
    lost: new Map(),
    removed: [`Removed what is left of the machine ${unclaimed}.`],
  });
  expect(await readdir(join(directory, "data/sandboxes"))).toEqual([held]);
});

test("a builder that an earlier daemon left is removed, and one of this daemon is let alone", async () => {
  for (const id of ["mine", "left"]) {
    const paths = builderPaths(host.roots, id);
    for (const place of [paths.directory, paths.runtime]) await mkdir(place);
    await writeFile(join(paths.directory, "disk.raw"), "");
  }
  const builders = new Set(["mine"]);
  expect(await removeLeftBuilders(host, builders)).toEqual(["Removed the builder left, which an earlier daemon left."]);
  await recoverMachines(host, new Set(), { machines: new Map(), builders }, never);
  expect(await readdir(join(directory, "data/builders"))).toEqual(["mine"]);
  expect(await readdir(join(directory, "run/m"))).toEqual([shortId("mine")]);
});

test("what cannot be removed is told, and the machines that run are taken over all the same", async () => {
  const cgroups = {
    list: async () => ["stuck"],
    remove: async () => Promise.reject(new Error("busy")),
    removeDirectories: async () => {},
  };
  const stuck = { ...host, cgroups } as unknown as MachineHost;
  const recovery = await recoverMachines(stuck, new Set(), { machines: new Map(), builders: none }, never);
  expect(recovery.removed).toContain("Could not remove the control group stuck, which nobody claims: busy");
});

import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { MicrovmMachine } from "./machine.js";
import type { MachineHost } from "./machine-host.js";
import { machinePaths, makeRoots } from "./machine-paths.js";
import { recoverMachines } from "./recovery.js";

const [held, unclaimed] = ["3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11", "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d12"];
const never = new AbortController().signal;

let directory: string;
let host: MachineHost;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-recovery-"));
  const roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  host = { roots, hostBootId: "boot", cgroups: undefined, users: undefined } as unknown as MachineHost;
  for (const id of [held, unclaimed]) await mkdir(machinePaths(roots, id).directory);
});
afterEach(() => rm(directory, { recursive: true }));

test("a recovery that is tried again leaves the machines that it has, and removes what nobody claims", async () => {
  const machine = { id: held } as MicrovmMachine;
  const recovery = await recoverMachines(host, new Set([held]), new Map([[held, machine]]), never);
  expect(recovery).toEqual({
    machines: [machine],
    lost: new Map(),
    removed: [`Removed what is left of the machine ${unclaimed}.`],
  });
  expect(await readdir(join(directory, "data/sandboxes"))).toEqual([held]);
});

test("what cannot be removed is told, and the machines that run are taken over all the same", async () => {
  const cgroups = {
    list: async () => ["stuck"],
    remove: async () => Promise.reject(new Error("busy")),
    removeDirectories: async () => {},
  };
  const stuck = { ...host, cgroups } as unknown as MachineHost;
  const recovery = await recoverMachines(stuck, new Set(), new Map(), never);
  expect(recovery.removed).toContain("Could not remove the control group stuck, which nobody claims: busy");
});

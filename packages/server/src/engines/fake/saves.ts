/** What the fake host keeps of machines that do not run. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import type { Kept, Saved, Saves, SnapshotOptions } from "../engine.js";
import type { FakeHost } from "./host.js";
import type { FakeMachine } from "./machine.js";
import { describeSaved, diskOfSaved, type FakeSaved, saveMachine, sizeOfSaved } from "./saved.js";
import { dropSuspended, findSuspended } from "./suspended.js";
import { frozenAtRest } from "./volumes.js";

const Facts = z.strictObject({ mode: z.enum(["Memory", "Disk"]) });

export function fakeSaves(host: FakeHost): Saves {
  return {
    async snapshotSuspended(sandboxId, snapshotId, { volumes }) {
      const { isFrozen } = findSuspended(host, sandboxId);
      const asleep = findSaved(host, { kind: "suspended", sandboxId });
      const saved = { ...asleep, volumes: frozenAtRest(host, volumes, asleep.volumes) };
      host.snapshots.set(snapshotId, saved);
      return { ...describeSaved(saved), isFrozen };
    },
    async check(origin) {
      findSaved(host, origin);
      const { misfit } = host.faults;
      if (misfit !== undefined && origin.from === "Memory")
        throw new AlcoveError("SnapshotIncompatible", `It does not go on: ${misfit}.`);
    },
    async share(snapshotId) {
      findSaved(host, { kind: "snapshot", snapshotId });
    },
    sizeOf: async (kept) => sizeOfSaved(findSaved(host, kept)),
    async remove(kept) {
      if (kept.kind === "snapshot") host.snapshots.delete(kept.snapshotId);
      else dropSuspended(host, kept.sandboxId);
    },
    writeDisk: (kept, path) => writeFile(path, diskOfSaved(findSaved(host, kept)), { flag: "wx" }),
    async workplace() {
      const directory = await mkdtemp(join(tmpdir(), "alcove-fake-"));
      return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
    },
    async pack(snapshotId, directory) {
      const { mode, tree } = findSaved(host, { kind: "snapshot", snapshotId });
      await writeFile(join(directory, "tree"), tree);
      return { directory, files: ["tree"], facts: { mode } };
    },
    async unpack(snapshotId, { directory, files, facts }) {
      const { mode } = Facts.parse(facts);
      if (files.join() !== "tree") throw new AlcoveError("InvalidRequest", "The archive has other files.");
      // Programs of this host are in no archive.
      const saved = { mode, tree: await readFile(join(directory, "tree")), execs: [], volumes: [] };
      host.snapshots.set(snapshotId, saved);
      return describeSaved(saved);
    },
  };
}

export async function snapshotMachine(
  host: FakeHost,
  machine: FakeMachine,
  { snapshotId, mustFreeze, leavesVolumes = false }: { readonly snapshotId: string } & SnapshotOptions,
): Promise<Saved> {
  const { faults } = host;
  const isRefused = faults.isFreezeRefused ?? false;
  if (isRefused && mustFreeze) throw new AlcoveError("FreezeRefused", "A process resists the freeze.");
  await faults.snapshotDelay;
  if (faults.snapshotError !== undefined) throw faults.snapshotError;
  if (machine.end !== undefined) throw new AlcoveError("SandboxNotRunning", `The machine ${machine.id} has ended.`);
  const whole = saveMachine(machine, "Memory");
  const saved = leavesVolumes ? { ...whole, volumes: [] } : whole;
  host.snapshots.set(snapshotId, saved);
  return { ...describeSaved(saved), isFrozen: !isRefused };
}

/** All but those; answers what went. */
export function removeSnapshots(host: FakeHost, owned: ReadonlySet<string>): string[] {
  const left = [...host.snapshots.keys()].filter((id) => !owned.has(id));
  for (const id of left) host.snapshots.delete(id);
  return left.map((id) => `snapshot ${id}`);
}

export function findSaved(host: FakeHost, kept: Kept): FakeSaved {
  if (kept.kind === "suspended") {
    const { machine, mode } = findSuspended(host, kept.sandboxId);
    return saveMachine(machine, mode);
  }
  const saved = host.snapshots.get(kept.snapshotId);
  if (saved !== undefined) return saved;
  throw new AlcoveError("InternalError", `The fake host keeps no such ${kept.kind}.`);
}

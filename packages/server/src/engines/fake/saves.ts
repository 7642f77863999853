/** What the fake host keeps of machines that do not run. */
import { writeFile } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import type { Kept, Saved, Saves } from "../engine.js";
import type { FakeHost } from "./host.js";
import type { FakeMachine } from "./machine.js";
import { describeSaved, diskOfSaved, type FakeSaved, saveMachine, sizeOfSaved } from "./saved.js";
import { dropSuspended, findSuspended } from "./suspended.js";

export function fakeSaves(host: FakeHost): Saves {
  return {
    async snapshotSuspended(sandboxId, snapshotId) {
      const saved = findSaved(host, { kind: "suspended", sandboxId });
      host.snapshots.set(snapshotId, saved);
      return describeSaved(saved);
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
  };
}

export async function snapshotMachine(
  host: FakeHost,
  machine: FakeMachine,
  { snapshotId, mustFreeze }: { readonly snapshotId: string; readonly mustFreeze: boolean },
): Promise<Saved> {
  const { faults } = host;
  const isRefused = faults.isFreezeRefused ?? false;
  if (isRefused && mustFreeze) throw new AlcoveError("FreezeRefused", "A process resists the freeze.");
  await faults.snapshotDelay;
  if (faults.snapshotError !== undefined) throw faults.snapshotError;
  if (machine.end !== undefined) throw new AlcoveError("SandboxNotRunning", `The machine ${machine.id} has ended.`);
  const saved = saveMachine(machine, "Memory");
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

/** The fake host's snapshots. */
import { writeFile } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import type { Kept, MachineOrigin, Saved, Saves } from "../engine.js";
import type { FakeHost } from "./host.js";
import type { FakeMachine } from "./machine.js";
import { describeSaved, diskOfSaved, type FakeSaved, saveMachine, sizeOfSaved } from "./saved.js";

export function fakeSaves(host: FakeHost): Saves {
  return {
    async snapshotSuspended(sandboxId) {
      throw new AlcoveError("InternalError", `Nothing is kept of the sandbox ${sandboxId}.`);
    },
    async share(snapshotId) {
      find(host, { kind: "snapshot", snapshotId });
    },
    sizeOf: async (kept) => sizeOfSaved(find(host, kept)),
    async remove(kept) {
      if (kept.kind === "snapshot") host.snapshots.delete(kept.snapshotId);
    },
    writeDisk: (kept, path) => writeFile(path, diskOfSaved(find(host, kept)), { flag: "wx" }),
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

/** What a machine goes on from. */
export function originSaved(host: FakeHost, origin: MachineOrigin): FakeSaved {
  const saved = find(host, origin);
  return origin.from === "Memory" ? saved : { ...saved, mode: "Disk", execs: [] };
}

/** All but those; answers what went. */
export function removeSnapshots(host: FakeHost, owned: ReadonlySet<string>): string[] {
  const left = [...host.snapshots.keys()].filter((id) => !owned.has(id));
  for (const id of left) host.snapshots.delete(id);
  return left.map((id) => `snapshot ${id}`);
}

function find(host: FakeHost, kept: Kept): FakeSaved {
  const saved = kept.kind === "snapshot" ? host.snapshots.get(kept.snapshotId) : undefined;
  if (saved !== undefined) return saved;
  throw new AlcoveError("InternalError", `The fake host keeps no such ${kept.kind}.`);
}

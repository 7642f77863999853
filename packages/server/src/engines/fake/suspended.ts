/** Suspended machines of the fake host: with their memory they stand still in this process, whole. */
import { AlcoveError } from "@alcove/contract";
import type { Saved, SaveMode } from "../engine.js";
import type { FakeHost, FakeSuspended } from "./host.js";
import type { FakeMachine } from "./machine.js";
import { describeSaved, saveMachine } from "./saved.js";
import { elapse } from "./virtual-sleep.js";
import { letGoOfVolumes } from "./volumes.js";

export async function suspendMachine(
  host: FakeHost,
  machine: FakeMachine,
  { mode, signal }: { readonly mode: SaveMode; readonly signal: AbortSignal },
): Promise<Saved> {
  const { isFreezeRefused = false, suspendDelayMs = 0, suspendError } = host.faults;
  await elapse(suspendDelayMs, signal);
  if (suspendError !== undefined) throw suspendError;
  if (machine.end !== undefined) throw new AlcoveError("SandboxNotRunning", `The machine ${machine.id} has ended.`);
  if (mode === "Disk") letGoOfVolumes(machine);
  const saved = describeSaved(saveMachine(machine, mode));
  if (mode === "Memory") machine.fallAsleep();
  else machine.stop({ reason: "Suspended", message: "It is suspended." });
  host.machines.delete(machine.id);
  const isFrozen = !isFreezeRefused;
  host.suspended.set(machine.id, { mode, isFrozen, machine });
  return { ...saved, isFrozen };
}

export function findSuspended(host: FakeHost, sandboxId: string): FakeSuspended {
  const suspended = host.suspended.get(sandboxId);
  if (suspended !== undefined) return suspended;
  throw new AlcoveError("SnapshotIncompatible", `Nothing is kept of the sandbox ${sandboxId}.`);
}

export function dropSuspended(host: FakeHost, sandboxId: string): void {
  host.suspended.get(sandboxId)?.machine.stop({ reason: "Destroyed", message: "It is not kept any more." });
  host.suspended.delete(sandboxId);
}

/** All but those; answers what went. */
export function removeSuspended(host: FakeHost, owned: ReadonlySet<string>): string[] {
  const left = [...host.suspended.keys()].filter((id) => !owned.has(id));
  for (const id of left) dropSuspended(host, id);
  return left.map((id) => `suspended machine ${id}`);
}

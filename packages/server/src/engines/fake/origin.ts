/** The fake machine that a start begins with: a new one, or one that goes on from what is kept. */
import { AlcoveError } from "@alcove/contract";
import type { MachineOrigin, MachineSpec } from "../engine.js";
import { unpackInto } from "./archive.js";
import { readFakeDisk } from "./disk.js";
import type { FakeHost } from "./host.js";
import { FakeMachine } from "./machine.js";
import { findSaved } from "./saves.js";
import { dropSuspended, findSuspended } from "./suspended.js";
import { goOnWithVolumes } from "./volumes.js";

export interface Beginning {
  readonly machine: FakeMachine;
  /** It runs: what it came from is used up, where it is. */
  finish(): void;
  /** It does not run: what it came from is as it was. */
  undo(): void;
}

export async function beginMachine(host: FakeHost, spec: MachineSpec): Promise<Beginning> {
  const { id, size, origin } = spec;
  if (origin?.kind === "suspended") return fromSuspended(host, spec, origin);
  const machine = new FakeMachine(id, size);
  const saved = origin && findSaved(host, origin);
  const tree = saved === undefined ? await readFakeDisk(spec.disk.path) : saved.tree;
  if (tree !== undefined) unpackInto(machine.files, "/", tree, undefined);
  const execs = origin?.from === "Memory" ? (saved?.execs ?? []) : [];
  if (origin?.from === "Memory")
    goOnWithVolumes(host, machine, { disks: spec.volumes ?? [], frozen: saved?.volumes ?? [] });
  return { machine, finish: () => machine.execs.resume(execs), undo: ending(machine) };
}

function fromSuspended(
  host: FakeHost,
  { id, size }: MachineSpec,
  { sandboxId, from }: MachineOrigin & { readonly kind: "suspended" },
): Beginning {
  const { mode, machine: asleep } = findSuspended(host, sandboxId);
  if (mode === "Disk" && from === "Memory")
    throw new AlcoveError("SnapshotIncompatible", `The disk of the sandbox ${sandboxId} was kept, and no memory.`);
  if (from === "Memory") {
    asleep.wakeUp();
    return { machine: asleep, finish: () => void host.suspended.delete(sandboxId), undo: () => asleep.fallAsleep() };
  }
  const machine = new FakeMachine(id, size, asleep.files);
  return { machine, finish: () => dropSuspended(host, sandboxId), undo: ending(machine) };
}

function ending(machine: FakeMachine): () => void {
  return () => machine.stop({ reason: "Destroyed", message: `Starting ${machine.id} failed.` });
}

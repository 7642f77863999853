/** What the fake host keeps of a machine at one instant. */
import type { Saved, SaveMode } from "../engine.js";
import { packDirectory } from "./archive.js";
import { fakeDiskContent } from "./disk.js";
import type { FakeExec } from "./execs.js";
import type { FakeMachine } from "./machine.js";
import { type FakeFrozen, freezeFakeVolumes, withoutFakeVolumes } from "./volumes.js";

export interface FakeSaved {
  readonly mode: SaveMode;
  /** The whole file tree, without what is on volumes. */
  readonly tree: Buffer;
  readonly volumes: readonly FakeFrozen[];
  /** Those that ran begin anew where the machine goes on: a program of this host cannot be copied while it runs. None of a disk alone. */
  readonly execs: readonly FakeExec[];
}

export function saveMachine(machine: FakeMachine, mode: SaveMode): FakeSaved {
  return {
    mode,
    volumes: freezeFakeVolumes(machine),
    tree: withoutFakeVolumes(machine, () => packDirectory(machine.files, "/")),
    execs: mode === "Memory" ? machine.execs.known().map((exec) => exec.atThisInstant()) : [],
  };
}

export function describeSaved(saved: FakeSaved): Saved {
  return { mode: saved.mode, isFrozen: true, pausedMs: 0, size: sizeOfSaved(saved) };
}

export function sizeOfSaved({ tree }: FakeSaved) {
  return { ownBytes: tree.length, sharedBytes: 0 };
}

/** As a builder leaves a disk. */
export function diskOfSaved({ tree }: FakeSaved): Buffer {
  return fakeDiskContent(tree);
}

/** What the fake engine's machines run on: it outlives engines, as a host outlives its daemon. */
import type { SaveMode } from "../engine.js";
import type { FakeMachine } from "./machine.js";
import type { FakeSaved } from "./saved.js";
import type { FakeTemplate } from "./templates.js";
import type { FakeVolume } from "./volumes.js";

/** What goes wrong, until it is set back. */
export interface FakeFaults {
  /** Every start fails with this, after its delay. */
  startError?: Error;
  /** Starts take this long. */
  startDelayMs?: number;
  /** Agents of machines that are started from now on never answer. */
  silentAgents?: boolean;
  /** No builder can be opened. */
  builderError?: Error;
  /** No snapshot can be taken. */
  snapshotError?: Error;
  /** Why nothing that is kept goes on. */
  misfit?: string;
  /** What a snapshot waits for. */
  snapshotDelay?: Promise<void>;
  /** Some process of every machine resists the freeze. */
  isFreezeRefused?: boolean;
  /** Every preparation fails with this. */
  prepareError?: Error;
  /** Every suspend fails with this, after its delay. */
  suspendError?: Error;
  suspendDelayMs?: number;
  /** No machine can be ended. */
  destroyError?: Error;
}

/** Of a suspended machine. From its disk another machine is made that has its files. */
export interface FakeSuspended {
  readonly mode: SaveMode;
  readonly isFrozen: boolean;
  readonly machine: FakeMachine;
}

export class FakeHost {
  readonly machines = new Map<string, FakeMachine>();
  /** Those that build disks. */
  readonly builders = new Map<string, FakeMachine>();
  /** By id. */
  readonly snapshots = new Map<string, FakeSaved>();
  /** By sandbox. */
  readonly suspended = new Map<string, FakeSuspended>();
  /** By key. */
  readonly templates = new Map<string, FakeTemplate>();
  /** By id. */
  readonly volumes = new Map<string, FakeVolume>();
  readonly faults: FakeFaults = {};
  /** Ids whose machines ended with the host. */
  readonly lostToRestart = new Set<string>();

  /** The host goes down and comes up again: every machine that runs is gone. */
  restart(): void {
    for (const machine of this.machines.values()) {
      this.lostToRestart.add(machine.id);
      machine.stop({ reason: "EngineLost", message: "The host was restarted." });
    }
    this.machines.clear();
    this.builders.clear();
  }
}

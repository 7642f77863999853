/** Puts a kept memory into a QEMU that waits for it, then has it load its devices and run. */
import { open } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import type { SpawnedProgram } from "../../../host/spawn.js";
import type { Qmp } from "../qmp/qmp.js";
import { restoreMemory } from "../saves/capture.js";
import { openMapped } from "../saves/mapped-memory.js";
import { type Footing, memoryFileOf } from "./footing.js";
import type { MachineHost } from "./machine-host.js";
import type { KeptPaths } from "./machine-paths.js";

export interface GoingOn {
  readonly id: string;
  readonly spawned: SpawnedProgram;
  readonly footing: Footing;
  readonly kept: KeptPaths;
  readonly qmp: Qmp;
  /** Of the devices' state, open in QEMU. */
  readonly stateDescriptor: number;
}

/** When QEMU talks it has mapped its memory, and it runs nothing before it is told to load. */
export async function goOn(
  host: Pick<MachineHost, "roots">,
  { id, spawned, footing, kept, qmp, stateDescriptor }: GoingOn,
  signal: AbortSignal,
): Promise<void> {
  await using mapped = await openMapped(spawned.identity.pid, memoryFileOf(host, id, footing));
  try {
    await using file = await open(kept.memory, "r");
    await restoreMemory(mapped, file, signal);
  } catch (error) {
    signal.throwIfAborted();
    const isGone = (error as NodeJS.ErrnoException).code === "ENOENT";
    const why = isGone ? "it is not there" : error instanceof Error ? error.message : String(error);
    throw new AlcoveError("SnapshotIncompatible", `The memory that was kept cannot be put back: ${why}.`, {
      cause: error,
    });
  }
  await qmp.execute("migrate-incoming", { uri: `fd:${stateDescriptor}` }, signal);
}

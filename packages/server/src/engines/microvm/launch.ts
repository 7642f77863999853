/** Starts the one process that a machine is. */
import { type SpawnedProgram, spawnDetached } from "../../host/spawn.js";
import { type MachineDevices, type Origin, qemuArguments } from "./command-line.js";
import type { MachineHost } from "./machine-host.js";

export interface Launch {
  readonly devices: MachineDevices;
  readonly origin: Origin;
  /** Open files that QEMU inherits, from descriptor 3 on. */
  readonly inherited: readonly number[];
  /** Files that a process writes itself into, to be limited. */
  readonly groups: readonly string[];
  readonly uid: number | undefined;
}

export function launch(host: MachineHost, { devices, origin, inherited }: Launch): Promise<SpawnedProgram> {
  const { qemu, platform } = host.installation;
  return spawnDetached({
    program: qemu.program,
    args: qemuArguments(platform, devices, origin),
    inherited,
    environment: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
  });
}

/**
 * Starts the one process that a machine is: the agent's `host spawn` fences itself in and becomes QEMU. QEMU is taken to be
 * escaped one day, so it sees the files of its own machine and of QEMU itself, no network, and as root is a user of its own.
 */
import { dirname } from "node:path";
import { type SpawnedProgram, spawnDetached } from "../../../host/spawn.js";
import { type MachineDevices, makesMemory, type Origin, opensMemoryReadOnly, qemuArguments } from "./command-line.js";
import type { MachineHost } from "./machine-host.js";

export interface Launch {
  readonly devices: MachineDevices;
  readonly origin: Origin;
  /** The files behind the disk; only read. */
  readonly backing: readonly string[];
  /** Open files that QEMU inherits, from descriptor 3 on. */
  readonly inherited: readonly number[];
  /** Control groups' directories: the process is in them from its first instruction on. */
  readonly groups: readonly string[];
  /** Whom the process runs as; undefined for our own user. */
  readonly uid: number | undefined;
}

/** More than an ordinary process, so that the kernel ends a machine before it ends the daemon. */
const oomScoreAdjustment = 500;
/** For hosts where machines cannot be weighed by control groups. */
const niceness = 5;
const firstInherited = 3;

export function launch(host: MachineHost, launched: Launch): Promise<SpawnedProgram> {
  const { qemu, platform, assets } = host.installation;
  const qemuCommand = [qemu.program, ...qemuArguments(platform, launched.devices, launched.origin)];
  return spawnDetached({
    program: assets.agent,
    args: ["host", "spawn", ...fence(host, launched), "--", ...qemuCommand],
    inherited: launched.inherited,
    environment: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
  });
}

function fence(host: MachineHost, launched: Launch): string[] {
  const { groups, uid, inherited } = launched;
  return [
    ...groups.flatMap((directory) => ["--cgroup", directory]),
    ...["--oom-score-adj", String(oomScoreAdjustment)],
    ...(groups.length === 0 ? ["--nice", String(niceness)] : []),
    ...inherited.flatMap((_, index) => ["--keep-fd", String(firstInherited + index)]),
    ...(uid === undefined ? [] : ["--uid", String(uid), "--gid", String(uid)]),
    ...(uid === undefined || host.kvmGroup === undefined ? [] : ["--group", String(host.kvmGroup)]),
    ...(host.namespaces === "none" ? [] : ["--netns", "--mountns", ...visible(host, launched)]),
    ...(host.namespaces === "user" ? ["--userns"] : []),
  ];
}

/** What QEMU sees of the host's files. */
function visible(host: MachineHost, { devices, origin, backing }: Launch): string[] {
  const readOnly = [
    ...host.programPaths,
    ...backing,
    ...(origin.kind === "boot" ? [origin.kernel, origin.initramfs] : []),
  ];
  const writable = [dirname(devices.disk), dirname(devices.sockets.qmp), ...host.devicePaths];
  const memory = opensMemoryReadOnly(host.installation.platform.qemuVersion) ? readOnly : writable;
  const { memoryFile } = devices;
  const isSeen = memoryFile === undefined || dirname(memoryFile) === dirname(devices.disk);
  if (!makesMemory(origin) && !isSeen) memory.push(memoryFile);
  return [...readOnly.map((path) => `${path}:ro`), ...writable].flatMap((path) => ["--bind", path]);
}

/** Runs qemu-img over disks that guests wrote: it sees those disks and no other file of the host's. */
import { run } from "../../../host/run.js";
import type { MachineHost } from "../machine/machine-host.js";
import { type Backing, checkBacking } from "../machine/overlay.js";

/** A disk of many GiB is read and written whole. */
const timeoutMs = 30 * 60_000;

type Fencing = Pick<MachineHost, "installation" | "namespaces" | "programPaths" | "devicePaths">;

export interface DiskWork {
  readonly argv: readonly string[];
  /** A chain, the topmost first: each must stand on the next. */
  readonly disks: readonly Backing[];
  /** The file that it writes. */
  readonly written: string;
}

/** A layer was written by a QEMU that may have been escaped: one that claims to stand on another file of the host is not read. */
export async function runQemuImg(host: Fencing, work: DiskWork, signal: AbortSignal): Promise<void> {
  for (const [index, disk] of work.disks.entries()) {
    const below = work.disks[index + 1];
    if (below !== undefined) await checkBacking(disk.path, below);
  }
  const args = ["host", "spawn", ...fenceAround(host, work), "--", "qemu-img", ...work.argv];
  await run(host.installation.assets.agent, args, { signal, timeoutMs });
}

function fenceAround(host: Fencing, { disks, written }: DiskWork): readonly string[] {
  if (host.namespaces === "none") return [];
  const readable = [...host.programPaths, ...disks.map((disk) => disk.path)].map((each) => `${each}:ro`);
  const binds = [...readable, ...host.devicePaths, written].flatMap((each) => ["--bind", each]);
  return ["--netns", "--mountns", ...binds, ...(host.namespaces === "user" ? ["--userns"] : [])];
}

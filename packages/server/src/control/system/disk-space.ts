import { AlcoveError } from "@alcove/contract";
import type { ControlContext } from "../context.js";

const bytesPerMiB = 1_048_576;

/** Refuses what would take disk space while less than the mark is free: running sandboxes need the rest. */
export async function requireDiskSpace(context: Pick<ControlContext, "host" | "freeSpaceMarkBytes">): Promise<void> {
  const problem = await diskProblem(context);
  if (problem)
    throw new AlcoveError("DiskFull", problem, {
      hint: "Delete sandboxes or free space on the host's disk, then try again.",
    });
}

/** A sentence when less than the mark is free. */
export async function diskProblem({ host, freeSpaceMarkBytes }: Pick<ControlContext, "host" | "freeSpaceMarkBytes">) {
  const { freeBytes } = await host.disk();
  if (freeBytes >= freeSpaceMarkBytes) return undefined;
  const [free, mark] = [freeBytes, freeSpaceMarkBytes].map((bytes) => Math.floor(bytes / bytesPerMiB));
  return `The disk of the data directory has ${free} MiB free; below ${mark} MiB no sandbox is created.`;
}

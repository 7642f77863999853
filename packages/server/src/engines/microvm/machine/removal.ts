/**
 * Removes everything of a machine, whatever of it there is. Undoing a start, ending a machine and sweeping are all this; it
 * may be interrupted anywhere and done again. The directory goes last: as long as it is there, the rest is looked for.
 */
import { rm } from "node:fs/promises";
import { killProcess, type ProcessIdentity } from "../../../host/processes.js";
import { withDeadline } from "../../../lib/deadline.js";
import type { MachineHost } from "./machine-host.js";
import { type MachinePaths, machinePaths, shortId } from "./machine-paths.js";
import { findMachineProcesses } from "./machine-processes.js";
import { readMachineRecord } from "./machine-record.js";

const removalTimeoutMs = 30_000;

export interface Remains {
  readonly id: string;
  /** Its process where it is known; otherwise it is looked for by its command line. */
  readonly process?: ProcessIdentity | undefined;
  readonly uid?: number | undefined;
}

/** Takes no signal: half a removal is of no use to anybody. Bounded by its own deadline. */
export async function removeMachine(host: MachineHost, remains: Remains): Promise<void> {
  using deadline = withDeadline(new AbortController().signal, removalTimeoutMs);
  const paths = machinePaths(host.roots, remains.id);
  const record = await readMachineRecord(paths.record);
  await endProcesses(remains, paths, deadline.signal);
  try {
    await host.cgroups?.removeDirectories(record?.groups ?? [], deadline.signal);
    await Promise.all([
      host.cgroups?.remove(shortId(remains.id), deadline.signal),
      rm(paths.runtime, { recursive: true, force: true }),
    ]);
    await rm(paths.directory, { recursive: true, force: true });
    await host.holdings.release({ kind: "machine", id: remains.id });
  } finally {
    releaseUser(host, remains.uid);
  }
}

/** Only when its processes have ended: whoever is given the user next could otherwise be reached by them. */
export function releaseUser(host: Pick<MachineHost, "users">, uid: number | undefined): void {
  if (uid !== undefined) host.users?.release(uid);
}

/** Ends the process of a machine, and keeps its disk. */
export async function endProcesses({ process }: Remains, paths: MachinePaths, signal: AbortSignal): Promise<void> {
  const processes = process === undefined ? await findMachineProcesses(paths.directory) : [process];
  await Promise.all(processes.map((identity) => killProcess(identity, signal)));
}

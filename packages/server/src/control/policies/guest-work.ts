/** What a guest does for itself, asked of its agent: which programs run, and whether its processors are busy. */
import type { ExecStatus } from "../../guest/guest.js";
import { withDeadline } from "../../lib/deadline.js";
import type { CpuSample, Programs } from "../../lifecycle/idle.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";

export interface GuestWork extends Programs {
  /** How long ago the last one of them ended. */
  readonly execEndedAgoMs: number | undefined;
  readonly entrypointEndedAgoMs: number | undefined;
}

type Asked = Pick<ControlContext, "machines" | "stopping">;

export async function programsOf({ machines, stopping }: Asked, record: SandboxRecord, deadlineMs: number) {
  const guest = machines.get(record.id)?.guest;
  if (guest === undefined) return undefined;
  using deadline = withDeadline(stopping, deadlineMs);
  return sorted(await guest.execs.list(deadline.signal), record.entrypointExecId, Date.now());
}

export async function cpuSampleOf(
  { machines, stopping }: Asked,
  { id }: SandboxRecord,
  { nowMs, deadlineMs }: { readonly nowMs: number; readonly deadlineMs: number },
): Promise<CpuSample | undefined> {
  const guest = machines.get(id)?.guest;
  if (guest === undefined) return undefined;
  using deadline = withDeadline(stopping, deadlineMs);
  return { atMs: nowMs, usageUsec: (await guest.stats(deadline.signal)).cpuUsageUsec };
}

function sorted(statuses: readonly ExecStatus[], entrypointExecId: string | undefined, now: number): GuestWork {
  const entrypoint = statuses.filter(({ id }) => id === entrypointExecId);
  // A terminal is used while something is typed or shown, not while it is there.
  const execs = statuses.filter(({ id, terminal }) => id !== entrypointExecId && terminal === undefined);
  return {
    execs: execs.filter(isRunning).length,
    entrypoint: entrypoint.some(isRunning),
    execEndedAgoMs: lastEnd(execs, now),
    entrypointEndedAgoMs: lastEnd(entrypoint, now),
  };
}

function isRunning({ state }: ExecStatus): boolean {
  return state === "Running";
}

/** The guest's clock is its own: what it says lies ahead is now. */
function lastEnd(statuses: readonly ExecStatus[], now: number): number | undefined {
  let least: number | undefined;
  for (const { endedAtUnixMs } of statuses) {
    if (endedAtUnixMs === undefined) continue;
    least = Math.min(least ?? Number.POSITIVE_INFINITY, Math.max(0, now - endedAtUnixMs));
  }
  return least;
}

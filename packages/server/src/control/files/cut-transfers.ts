/** A transfer that a stop of its sandbox cuts off says so, and what to do next: the guest's own silence says nothing. */
import { AlcoveError } from "@alcove/contract";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

interface Transfer {
  readonly ref: SandboxRef;
  /** For the sentence: The upload of /x. */
  readonly what: string;
}

/** Runs the transfer. SandboxNotRunning where its sandbox was stopped under it. */
export async function tellOfStop<T>(
  { store }: Pick<ControlContext, "store">,
  { ref, what }: Transfer,
  work: () => Promise<T>,
): Promise<T> {
  const generation = generationOf(store.sandboxes.find(ref.id));
  try {
    return await work();
  } catch (error) {
    const record = store.sandboxes.find(ref.id);
    if (!isSilence(error) || record === undefined) throw error;
    const isStopped = record.state !== "Running" || record.generation > generation;
    throw isStopped ? cutOff(record, what, error) : error;
  }
}

/** That it runs in: what does not run yet is woken for it, as the next one. */
function generationOf(record: SandboxRecord | undefined): number {
  if (record === undefined) return Number.POSITIVE_INFINITY;
  return record.state === "Running" || record.state === "Resuming" ? record.generation : record.generation + 1;
}

function isSilence(error: unknown): boolean {
  return error instanceof AlcoveError && error.code === "GuestUnresponsive";
}

function cutOff({ id, activationMode, stateDetails }: SandboxRecord, what: string, cause: unknown): AlcoveError {
  const reason = stateDetails.stoppedReason === undefined ? "" : ` (${stateDetails.stoppedReason})`;
  const detail = `${what} was cut off: the sandbox ${id} was stopped meanwhile${reason}.`;
  const wakes = activationMode === "OnDemand" && stateDetails.stoppedReason !== "Disabled";
  const hint = wakes
    ? "Begin it again from its start: that resumes the sandbox."
    : `Resume the sandbox, \`alcove resume ${id}\`, and begin it again from its start.`;
  return new AlcoveError("SandboxNotRunning", detail, { hint, cause });
}

/**
 * Stopping a sandbox so that it can go on later. That it is Stopping is on record before its machine is touched; a daemon
 * that dies meanwhile leaves a machine, and the next one stops it, or what is kept of it whole.
 */
import { AlcoveError } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { untilRecorded } from "../until-recorded.js";

/** Ends with the sandbox Stopped, or throws and leaves it Running; Stopping or Deleting when the signal aborted. */
export async function suspendSandbox(context: ControlContext, record: SandboxRecord, signal: AbortSignal) {
  const { crashPoint, machines, register, logger } = context;
  const { id, suspension = { mode: "Memory" } } = record;
  const machine = machines.get(id);
  if (machine === undefined) return;
  machines.setStopping(id, true);
  crashPoint("stop.beforeSuspend");
  try {
    const { isFrozen, left, size, mode } = await suspend(machine, suspension.mode, signal);
    if (left !== undefined)
      logger.warn({ sandbox: id, why: left }, "The machine of a suspended sandbox is not removed");
    crashPoint("stop.afterSuspend");
    machines.forget(id);
    context.admission.release(id);
    const message = isFrozen ? undefined : "A program resisted the freeze; it may notice that it was stopped.";
    crashPoint("stop.beforeStopped");
    await untilRecorded(context, id, () => register.finishStop(id, { mode, kept: size }, message), signal);
    crashPoint("stop.afterStopped");
  } catch (error) {
    machines.setStopping(id, false);
    if (signal.aborted) throw signal.reason;
    logger.warn({ sandbox: id, err: error }, "A sandbox could not be stopped");
    const why = error instanceof AlcoveError ? error.message : "Alcove failed; the daemon's log has the cause.";
    await untilRecorded(context, id, () => register.failStop(id, `It could not be stopped: ${why}`), signal);
    throw error;
  }
}

async function suspend(machine: Machine, mode: "Memory" | "Disk", signal: AbortSignal) {
  if (machine.suspend !== undefined) return machine.suspend(mode, signal);
  throw new AlcoveError("EngineUnavailable", "The engine keeps nothing of machines that do not run.");
}

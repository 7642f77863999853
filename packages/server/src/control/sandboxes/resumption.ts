/**
 * Bringing a stopped sandbox up again: turn in the queue of creations, machine, Running. What was kept is used up when the
 * machine runs; until then whatever fails leaves it Stopped as it was.
 */
import { AlcoveError } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import { type ControlContext, demandOf } from "../context.js";
import { reconcileExecs, recordExecs } from "../execs/exec-recovery.js";
import { bringBackFromSnapshot, rollbackOf } from "../snapshots/rollbacks.js";
import { untilRecorded } from "../until-recorded.js";
import { attachAll } from "../volumes/attaching.js";
import { startEntrypoint } from "./creation.js";
import { machineSpec } from "./machine-spec.js";
import { startMachine } from "./machine-start.js";
import { watchMachine } from "./machine-watch.js";

/** Ends with the sandbox Running, or throws and leaves it Stopped; Resuming or Deleting when the signal aborted. */
export async function resumeSandbox(context: ControlContext, record: SandboxRecord, signal: AbortSignal) {
  const { admission, logger, register } = context;
  let machine: Machine;
  try {
    machine = await bringBack(context, record, signal);
  } catch (error) {
    admission.release(record.id);
    if (signal.aborted) throw signal.reason;
    logger.warn({ sandbox: record.id, err: error }, "A sandbox could not be resumed");
    const why = error instanceof AlcoveError ? error.message : "Alcove failed; the daemon's log has the cause.";
    const fail = () => register.failResume(record, `It could not ${whatFailed(record)}: ${why}`);
    await untilRecorded(context, record.id, fail, signal);
    throw error;
  }
  await goOn(context, record, machine, signal);
}

function whatFailed(record: SandboxRecord): string {
  const rollback = rollbackOf(record);
  return rollback === undefined ? "be resumed" : `go back to the snapshot ${rollback.rollback}`;
}

async function bringBack(context: ControlContext, record: SandboxRecord, signal: AbortSignal): Promise<Machine> {
  const { admission, crashPoint, egress, imageUse } = context;
  const { id } = record;
  const from = boots(record) ? "Disk" : "Memory";
  const rollback = rollbackOf(record);
  if (rollback !== undefined)
    return bringBackFromSnapshot(context, record, { snapshotId: rollback.rollback, from }, signal);
  const [disk, told] = await Promise.all([imageUse.standing(record), egress.admit(record)]);
  await admission.enter({ ...record, what: "this sandbox to resume" }, demandOf(context, record.size), signal);
  crashPoint("resume.beforeStart");
  const origin = { kind: "suspended", sandboxId: id, from } as const;
  const machine = await startMachine(context, { ...machineSpec(record, disk, told), origin }, signal);
  crashPoint("resume.afterStart");
  return machine;
}

/** The machine is all that there is of it from here on: whatever fails, it is not given up. */
async function goOn(context: ControlContext, record: SandboxRecord, machine: Machine, signal: AbortSignal) {
  const { admission, crashPoint, machines, register } = context;
  const { id } = record;
  machines.add(record, machine);
  const message = await takeUpExecs(context, record, machine, signal);
  crashPoint("resume.beforeRunning");
  const running = await untilRecorded(context, id, () => register.finishResume(id, message), signal);
  crashPoint("resume.afterRunning");
  if (running === undefined) throw new AlcoveError("SandboxNotFound", `The sandbox ${id} was deleted meanwhile.`);
  admission.started(record, demandOf(context, record.size));
  watchMachine(context, running, machine);
  void reconcileExecs(context, id, context.stopping);
  if (record.snapshotId !== undefined) context.snapshotRemovals.collectInBackground();
}

/** Those of the memory that it goes on from are its own. */
async function takeUpExecs(context: ControlContext, record: SandboxRecord, machine: Machine, signal: AbortSignal) {
  if (boots(record)) return beginAnew(context, record, machine, signal);
  if (rollbackOf(record) === undefined) return undefined;
  const { store } = context;
  store.transaction(() => store.execs.list(record.id).forEach(({ id }) => void store.execs.remove(record.id, id)));
  await recordExecs(context, machine, signal);
  return undefined;
}

/** Finishes for a daemon that ended when the machine ran: its program may not have been started yet. Answers as `beginAnew`. */
export async function finishBoot(
  context: ControlContext,
  record: SandboxRecord,
  machine: Machine,
  signal: AbortSignal,
) {
  if (!boots(record)) return undefined;
  if (record.entrypointExecId === undefined) return await beginAnew(context, record, machine, signal);
  const execs = await machine.guest.execs.list(signal).catch(() => undefined);
  signal.throwIfAborted();
  if (execs === undefined) return "Whether its program was started is not known: its agent does not answer.";
  if (execs.some(({ id }) => id === record.entrypointExecId)) return undefined;
  return await beginAnew(context, record, machine, signal);
}

/** None of its execs is there any more, and its program is started again. Answers a sentence where that fails: the sandbox runs all the same. */
async function beginAnew(context: ControlContext, record: SandboxRecord, machine: Machine, signal: AbortSignal) {
  const { logger, store } = context;
  const { id, entrypointExecId } = record;
  try {
    store.transaction(() => store.execs.list(id).forEach((exec) => void store.execs.remove(id, exec.id)));
    await attachAll(context, machine, signal);
    if (entrypointExecId !== undefined) await startEntrypoint({ context, record, signal }, machine, entrypointExecId);
    return undefined;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    logger.warn({ sandbox: id, err: error }, "A sandbox that booted lacks its volumes or its program");
    const why = error instanceof AlcoveError ? error.message : "the daemon's log has the cause.";
    return `Its volumes could not be mounted, or its program could not be started: ${why}`;
  }
}

/** Where there is no memory to go on from, or it is not wanted. */
function boots({ suspension }: SandboxRecord): boolean {
  return suspension?.mode === "Disk" || suspension?.from === "Disk";
}

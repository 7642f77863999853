/**
 * Taking up what an earlier daemon left: running sandboxes are adopted, lost ones are Stopped and say why, half-made ones
 * are made anew and half-deleted ones are deleted; stops and resumes that were under way are carried to their end. The engine
 * has removed whatever no row claims.
 */
import type { SandboxState } from "@alcove/contract";
import type { Machine, Recovery } from "../engines/engine.js";
import type { SandboxRecord } from "../store/sandboxes.js";
import { type ControlContext, demandOf } from "./context.js";
import { reconcileExecs } from "./execs/exec-recovery.js";
import type { Reconciler } from "./reconciler.js";
import { watchMachine } from "./sandboxes/machine-watch.js";
import { madeBy } from "./sandboxes/other-engine.js";
import { finishBoot } from "./sandboxes/resumption.js";
import { rollbackOf } from "./snapshots/rollbacks.js";
import { recoverMountsInBackground } from "./volumes/volume-recovery.js";

export async function recover(context: ControlContext, reconciler: Reconciler, signal: AbortSignal): Promise<void> {
  const { egress, engine, logger, snapshotRemovals, store } = context;
  const records = store.sandboxes.all();
  const ours = records.filter((record) => record.engine === engine.name && record.desiredState !== "Deleted");
  // What goes back to a snapshot begins anew from there: nothing else of it is wanted.
  const wanted = ours.filter((record) => rollbackOf(record) === undefined);
  const running = wanted.filter(({ state }) => mayRun.includes(state));
  const suspended = wanted.filter(({ suspension }) => suspension !== undefined);
  // Those that run are reached by recovering them: what they may reach comes first.
  await egress.takeUp(running);
  const recovery = await engine.recover(
    {
      running: idsOf(running),
      suspended: idsOf(suspended),
      snapshots: snapshotRemovals.owned(),
      volumes: store.volumes.ids(),
    },
    signal,
  );
  for (const sentence of recovery.removed) logger.info(sentence);
  const adopted = adopt(context, running, recovery.machines).map(({ id }) => id);
  egress.takenUp(adopted);
  await Promise.all(adopted.map((id) => reconcileExecs(context, id, signal)));
  for (const machine of recovery.machines) recoverMountsInBackground(context, machine);
  noteLosses(context, records, recovery);
  noteSnapshots(context, recovery);
  await Promise.all(ours.map((record) => settleStop(context, record, signal)));
  for (const record of records) takeUp(context, reconciler, record);
  snapshotRemovals.collectInBackground();
  logger.info({ adopted: recovery.machines.length, lost: recovery.lost.size }, "Sandboxes are taken up");
}

function adopt(
  context: ControlContext,
  running: readonly SandboxRecord[],
  machines: readonly Machine[],
): SandboxRecord[] {
  const byId = new Map(machines.map((machine) => [machine.id, machine]));
  return running.filter((record) => {
    const machine = byId.get(record.id);
    if (machine === undefined) return false;
    context.admission.started(record, demandOf(context, record.size));
    if (context.machines.get(record.id) !== machine) watchMachine(context, record, machine);
    return true;
  });
}

function noteLosses(
  { engine, machines, register }: ControlContext,
  records: readonly SandboxRecord[],
  recovery: Recovery,
): void {
  for (const record of records) {
    const { id, state, suspension, desiredState } = record;
    if (machines.get(id) !== undefined || desiredState === "Deleted") continue;
    const isOurs = record.engine === engine.name;
    if (!isOurs && state !== "Running") {
      setAside(register, record);
      continue;
    }
    const loss = recovery.lost.get(id);
    const isKept = suspension !== undefined && loss === undefined;
    if (isKept || (!mayRun.includes(state) && loss === undefined)) continue;
    const message = isOurs ? "Its machine is gone." : `It ${madeBy(record)}`;
    const ended = loss ?? { reason: "EngineLost", message };
    register.applyLoss(id, { action: "ended", ...ended, at: new Date().toISOString() });
  }
}

/** Those whose bytes are gone, and those whose bytes are there again. */
function noteSnapshots({ engine, snapshotRegister, store }: ControlContext, { lostSnapshots }: Recovery): void {
  const ours = store.snapshots.all().filter((record) => record.engine === engine.name && !record.isInternal);
  for (const record of ours) {
    const isLost = lostSnapshots?.has(record.id) === true;
    if (record.status === "Ready" && isLost) snapshotRegister.setStatus(record, "Lost");
    if (record.status === "Lost" && !isLost) snapshotRegister.setStatus(record, "Ready");
  }
}

/** It is as its engine left it, and is told so. What was to be resumed is kept as it was. */
function setAside(register: ControlContext["register"], record: SandboxRecord): void {
  if (record.state === "Resuming") register.failResume(record, `It could not be resumed: it ${madeBy(record)}`);
  else if (record.state === "Creating" || record.state === "Stopping")
    register.explain(record.id, `It ${madeBy(record)} It goes on when a daemon with that engine starts.`);
}

/** What was Stopping or Resuming is what the engine found of it: a machine, or what is kept. */
async function settleStop(context: ControlContext, record: SandboxRecord, signal: AbortSignal): Promise<void> {
  const { engine, machines, register } = context;
  const { id, state, suspension } = record;
  const machine = machines.get(id);
  if (state === "Resuming" && machine !== undefined)
    register.finishResume(id, await finishBoot(context, record, machine, signal));
  if (state !== "Stopping" || machine !== undefined || suspension === undefined) return;
  const kept = await engine.saves?.sizeOf({ kind: "suspended", sandboxId: id });
  if (kept !== undefined) register.finishStop(id, { mode: suspension.mode, kept });
}

function takeUp({ engine, register, store }: ControlContext, reconciler: Reconciler, record: SandboxRecord): void {
  const { id } = record;
  const state = store.sandboxes.find(id)?.state;
  if (record.engine !== engine.name && state !== "Deleting") return;
  if (state === "Creating" || state === "Resuming") register.restart(id);
  if (state !== undefined && !restful.includes(state)) reconciler.closeInBackground(id);
}

const mayRun: readonly SandboxState[] = ["Running", "Stopping", "Resuming"];
const restful: readonly SandboxState[] = ["Running", "Stopped", "Failed"];

function idsOf(records: readonly SandboxRecord[]): ReadonlySet<string> {
  return new Set(records.map(({ id }) => id));
}

/**
 * Taking up what an earlier daemon left: running sandboxes are adopted, lost ones are Stopped and say why, half-made ones
 * are made anew and half-deleted ones are deleted. The engine has removed whatever no row claims.
 */
import type { Machine, Recovery } from "../engines/engine.js";
import type { SandboxRecord } from "../store/sandboxes.js";
import { type ControlContext, demandOf } from "./context.js";
import { reconcileExecs } from "./exec-recovery.js";
import { watchMachine } from "./machine-watch.js";
import type { Reconciler } from "./reconciler.js";

export async function recover(context: ControlContext, reconciler: Reconciler, signal: AbortSignal): Promise<void> {
  const { engine, logger, snapshotRemovals, store } = context;
  const records = store.sandboxes.all();
  const running = records.filter((record) => record.state === "Running" && record.engine === engine.name);
  const recovery = await engine.recover(
    { running: new Set(running.map(({ id }) => id)), suspended: new Set(), snapshots: snapshotRemovals.owned() },
    signal,
  );
  for (const sentence of recovery.removed) logger.info(sentence);
  await Promise.all(adopt(context, running, recovery.machines).map(({ id }) => reconcileExecs(context, id, signal)));
  noteLosses(context, records, recovery);
  for (const record of records) await takeUp(context, reconciler, record);
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
  for (const { id, engine: engineName, state } of records) {
    if (state !== "Running" || machines.get(id) !== undefined) continue;
    const isOurs = engineName === engine.name;
    const message = isOurs
      ? "Its machine is gone."
      : `It was made by the ${engineName} engine, which this daemon does not run.`;
    const loss = recovery.lost.get(id) ?? { reason: "EngineLost", message };
    register.applyLoss(id, { action: "ended", ...loss, at: new Date().toISOString() });
  }
}

async function takeUp(
  { register }: ControlContext,
  reconciler: Reconciler,
  { id, state, desiredState }: SandboxRecord,
): Promise<void> {
  if (desiredState === "Running" && state !== "Creating") return;
  if (desiredState === "Running") register.restart(id);
  reconciler.closeInBackground(id);
}

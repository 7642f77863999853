/**
 * Going back to a snapshot, in place. That it goes back is on record before its machine is touched: from then on what it was is
 * given up, and a daemon that dies meanwhile leaves the rest to the next. Where it fails the sandbox is Stopped, and its
 * resume tries again.
 */
import { AlcoveError, type RollbackSandbox, type Sandbox } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import { untilAborted } from "../../lib/until-aborted.js";
import type { SandboxRecord, Suspension } from "../../store/sandboxes.js";
import type { SnapshotRecord } from "../../store/snapshots.js";
import { type ControlContext, demandOf } from "../context.js";
import { requireQuota } from "../groups/quotas.js";
import { machineSpec } from "../sandboxes/machine-spec.js";
import { startMachine } from "../sandboxes/machine-start.js";
import { notRunning } from "../sandboxes/machines.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { toSandbox } from "../sandboxes/sandbox-view.js";
import type { Helpers } from "../sandboxes/sandboxes.js";
import { bringBackVolumes, remount, requireSameVolumes, requireUnchanged } from "../volumes/rollback-volumes.js";
import { requireReady, requireSnapshot } from "./snapshot-finding.js";
import { requireMode, sizeText } from "./snapshot-source.js";
import { requireSandbox, requireSaves } from "./snapshot-taking.js";

interface Rollback {
  readonly ref: SandboxRef;
  readonly body: RollbackSandbox;
}

/** A caller who goes away ends only its own waiting. */
export async function rollBack(
  context: ControlContext,
  { reconciler, readiness }: Helpers,
  { ref, body }: Rollback,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { gate, sandboxTurns } = context;
  await gate.enter(ref.group);
  requireSaves(context);
  requireSandbox(context, ref);
  await readiness.require(signal);
  // Neither while a snapshot is taken of it, nor while it is stopped or resumed.
  await sandboxTurns.take(ref.id, signal, async () => {
    await requireFit(context, { ref, body }, signal);
    begin(context, { ref, body });
  });
  await untilAborted(reconciler.close(ref.id), signal);
  return toSandbox(requireSandbox(context, ref));
}

/** Before anything is given up for it. */
async function requireFit(context: ControlContext, { ref, body }: Rollback, signal: AbortSignal): Promise<void> {
  const { snapshotId, from } = body;
  const snapshot = requireSnapshot(context, { group: ref.group, snapshotId });
  const record = requireSandbox(context, ref);
  requireOwn(record, snapshot);
  requireMode(snapshot, from, "from");
  await context.imageUse.standing({ ...record, snapshotId });
  await requireUnchanged(context, record, { snapshot, from: from ?? snapshot.mode });
  await requireSaves(context).check({ kind: "snapshot", snapshotId, from: from ?? snapshot.mode }, record.size, signal);
}

function begin(context: ControlContext, { ref, body: { snapshotId, from } }: Rollback): void {
  const { crashPoint, gate, register, store } = context;
  const record = requireSandbox(context, ref);
  const snapshot = requireSnapshot(context, { group: ref.group, snapshotId });
  requireOwn(record, snapshot);
  requireSameVolumes(store, record, snapshot);
  if (record.state !== "Running" && record.state !== "Stopped") throw notRunning(record);
  if (record.stateDetails.stoppedReason === "Disabled")
    throw new AlcoveError("SandboxDisabled", `The sandbox ${record.id} is disabled.`);
  const { cpuMillicores, memoryMiB } = record.size;
  if (record.state === "Stopped") requireQuota(gate.require(ref.group), { cpuMillicores, memoryMiB });
  crashPoint("rollback.beforeMark");
  store.transaction(() => {
    remount(store, record, snapshot);
    register.beginRollback(record, snapshot, from ?? snapshot.mode);
  });
  crashPoint("rollback.afterMark");
}

/** An archive says of itself which sandbox it was of: its size may be another all the same. */
function requireOwn(sandbox: SandboxRecord, snapshot: SnapshotRecord): void {
  const { id, engine, size } = snapshot;
  if (sandbox.id !== snapshot.sandboxId && sandbox.snapshotId !== id)
    throw notOwn(`The snapshot ${id} was taken of the sandbox ${snapshot.sandboxId}, not of ${sandbox.id}.`);
  if (sizeText(size) !== sizeText(sandbox.size))
    throw notOwn(`The snapshot ${id} has the size ${sizeText(size)}; the sandbox has ${sizeText(sandbox.size)}.`);
  requireReady(snapshot);
  if (engine !== sandbox.engine)
    throw new AlcoveError("SnapshotIncompatible", `The snapshot ${id} was taken by the ${engine} engine.`);
}

function notOwn(sentence: string): AlcoveError {
  return new AlcoveError("InvalidRequest", sentence, {
    field: "snapshotId",
    hint: "Create a sandbox from it instead.",
  });
}

/** What it goes back to, where that is so. */
export function rollbackOf({ suspension }: SandboxRecord): (Suspension & { readonly rollback: string }) | undefined {
  const rollback = suspension?.rollback;
  return suspension === undefined || rollback === undefined ? undefined : { ...suspension, rollback };
}

/** Nothing of what it was is left, whatever fails after that; then a machine that goes on from the snapshot. */
export async function bringBackFromSnapshot(
  context: ControlContext,
  record: SandboxRecord,
  { snapshotId, from }: { readonly snapshotId: string; readonly from: "Memory" | "Disk" },
  signal: AbortSignal,
): Promise<Machine> {
  const { admission, crashPoint, egress, imageUse, machines, store } = context;
  const { id } = record;
  crashPoint("rollback.beforeDestroy");
  // What becomes of it is told by the rollback, not by its end. Where it cannot be ended the next try finds it.
  machines.end(id);
  await machines.get(id)?.destroy();
  machines.forget(id);
  await requireSaves(context).remove({ kind: "suspended", sandboxId: id });
  admission.release(id);
  crashPoint("rollback.afterDestroy");
  const snapshot = store.snapshots.find(snapshotId);
  if (snapshot === undefined) throw new AlcoveError("SnapshotNotFound", `The snapshot ${snapshotId} is gone.`);
  const volumes = await bringBackVolumes(context, record, snapshot, signal);
  // Its own policy of now, not the one that the snapshot was taken under.
  const [disk, told] = await Promise.all([imageUse.standing(record), egress.admit(record)]);
  await admission.enter({ ...record, what: "this sandbox to go back" }, demandOf(context, record.size), signal);
  const origin = { kind: "snapshot", snapshotId, from } as const;
  const started = await startMachine(context, { ...machineSpec(record, disk, told), origin, volumes }, signal);
  crashPoint("rollback.afterStart");
  return started;
}

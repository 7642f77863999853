/** Taking a snapshot: its row first, then the engine's work, then that it is whole. What fails leaves nothing. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type Labels } from "@alcove/contract";
import type { Saved, Saves, SnapshotOptions } from "../../engines/engine.js";
import { inSpan } from "../../lib/tracing.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { SnapshotRecord, SnapshotVolume } from "../../store/snapshots.js";
import type { ControlContext } from "../context.js";
import { requireQuota } from "../groups/quotas.js";
import { notRunning, sandboxNotFound } from "../sandboxes/machines.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { ofSandbox } from "../sandboxes/sandbox-span.js";
import { requireDiskSpace } from "../system/disk-space.js";
import { dataDisk, volumesOf } from "../volumes/snapshot-volumes.js";

export interface Taking {
  readonly ref: SandboxRef;
  readonly name?: string | undefined;
  readonly labels?: Labels | undefined;
  /** For a fork or a commit: nobody sees it, and whatever resists the freeze refuses it. */
  readonly isInternal?: boolean;
  /** Of its disk alone: whatever resists the freeze may, and its volumes are left out. */
  readonly isOfDisk?: boolean;
}

/** The snapshot's hold is the caller's to dispose of. */
export function takeSnapshot(context: ControlContext, taking: Taking, signal: AbortSignal): Promise<Taken> {
  return inSpan("snapshot.take", ofSandbox(taking.ref), () => takeInTurn(context, taking, signal));
}

interface Taken {
  readonly record: SnapshotRecord;
  readonly hold: Disposable;
}

async function takeInTurn(context: ControlContext, taking: Taking, signal: AbortSignal): Promise<Taken> {
  const { gate, sandboxTurns } = context;
  await gate.enter(taking.ref.group);
  requireSaves(context);
  // One at a time of a sandbox, and never while it is stopped or goes back.
  return sandboxTurns.take(taking.ref.id, signal, async () => {
    await requireDiskSpace(context);
    return take(context, taking, signal);
  });
}

async function take(context: ControlContext, taking: Taking, signal: AbortSignal) {
  const { crashPoint, gate, snapshotRegister: register, snapshotRemovals, store } = context;
  const { ref, isInternal = false, isOfDisk = false } = taking;
  const mayResist = isOfDisk || !isInternal;
  const sandbox = requireSandbox(context, ref);
  const record = newRecord(context, sandbox, taking);
  const save = saveOf(context, sandbox, { mustFreeze: !mayResist, volumes: record.volumes, leavesVolumes: isOfDisk });
  if (!isInternal) requireQuota(gate.require(ref.group), { snapshots: 1 });
  const hold = snapshotRemovals.hold(record.id);
  try {
    crashPoint("snapshot.beforeInsert");
    register.insert(record, store.secretUses.of(ref.id));
    crashPoint("snapshot.afterInsert");
    const saved = await save(record.id, signal);
    if (!mayResist) requireFrozen(sandbox, saved);
    crashPoint("snapshot.afterSave");
    // Only now: what was frozen in its memory is on record by now.
    const finished = register.finish(record.id, saved, store.egressNames.of(ref.id));
    crashPoint("snapshot.afterFinish");
    if (finished === undefined)
      throw new AlcoveError("SnapshotNotFound", `The snapshot ${record.id} was deleted while it was taken.`);
    return { record: finished, hold };
  } catch (error) {
    hold[Symbol.dispose]();
    snapshotRemovals.collectInBackground();
    throw error;
  }
}

export function requireSaves({ engine }: Pick<ControlContext, "engine">): Saves {
  if (engine.saves !== undefined) return engine.saves;
  throw new AlcoveError("EngineUnavailable", `The ${engine.name} engine keeps nothing of its sandboxes.`, {
    hint: "Use the microvm engine.",
  });
}

export function requireSandbox({ store }: Pick<ControlContext, "store">, { group, id }: SandboxRef): SandboxRecord {
  const record = store.sandboxes.find(id);
  if (record === undefined || record.group !== group) throw sandboxNotFound(id);
  return record;
}

interface Saving extends SnapshotOptions {
  readonly volumes: readonly SnapshotVolume[];
}

type Save = (snapshotId: string, signal: AbortSignal) => Promise<Saved>;

/** Of what was kept when it was stopped, whoever resisted then: nobody can try again. */
function requireFrozen({ id }: SandboxRecord, { isFrozen }: Saved): void {
  if (isFrozen) return;
  throw new AlcoveError("FreezeRefused", `Processes of ${id} did not stand still when it was stopped.`, {
    hint: `Resume it, and try again: \`alcove resume ${id}\`.`,
  });
}

/** How it is saved: as it runs, or what is kept of it. SandboxNotRunning in every other state, and where memory is wanted that is not kept. */
function saveOf(context: ControlContext, sandbox: SandboxRecord, { volumes, ...options }: Saving): Save {
  const { mustFreeze } = options;
  const { state, suspension } = sandbox;
  if (state === "Stopped" && suspension !== undefined && suspension.rollback === undefined) {
    if (mustFreeze && suspension.mode === "Disk") throw notRunning(sandbox);
    return (snapshotId, signal) =>
      requireSaves(context).snapshotSuspended(sandbox.id, snapshotId, { volumes: volumes.map(dataDisk) }, signal);
  }
  const { machine } = context.machines.require(sandbox);
  return (snapshotId, signal) => {
    if (machine.snapshot === undefined)
      throw new AlcoveError("EngineUnavailable", `The ${sandbox.engine} engine takes no snapshots.`);
    return machine.snapshot(snapshotId, options, signal);
  };
}

function newRecord({ store }: ControlContext, sandbox: SandboxRecord, taking: Taking): SnapshotRecord {
  const { name, labels = {}, isInternal = false, isOfDisk = false } = taking;
  const { group, engine, image, imageIsPublic, imageKey, size, snapshotId, forkedFrom } = sandbox;
  const { imageConfig, environment, askedProgram, entrypoint, cmd } = sandbox;
  const { entrypointSecrets, workingDirectory, entrypointExecId, lifecycle, egress } = sandbox;
  return {
    ...{ id: randomUUID(), group, name, labels, status: "Creating", isInternal, engine },
    sandboxId: sandbox.id,
    // What a fork came from was never seen.
    parentId: forkedFrom === undefined ? snapshotId : undefined,
    ...{ mode: sandbox.suspension?.mode ?? "Memory", isFrozen: true, pausedMs: 0, ownBytes: 0, sharedBytes: 0 },
    ...{ image, imageIsPublic, imageKey, size },
    volumes: isOfDisk ? [] : volumesOf(store, sandbox.id),
    start: {
      ...{ imageConfig, environment, askedProgram, entrypoint, cmd },
      ...{ entrypointSecrets, workingDirectory, entrypointExecId, lifecycle, egress },
    },
    maker: sandbox.maker,
    createdAt: Date.now(),
  };
}

/**
 * Bringing a sandbox up: image, turn in the queue, machine, entrypoint, Running. Each step is in the journal before its
 * effect. What fails undoes itself; a daemon that dies in between leaves a row in Creating, and the next one begins anew.
 */
import { AlcoveError } from "@alcove/contract";
import type { Machine, MachineSpec } from "../../engines/engine.js";
import type { Demand } from "../../lifecycle/capacity.js";
import type { Occurrence } from "../../lifecycle/transitions.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import { type ControlContext, demandOf } from "../context.js";
import { recordExecs } from "../execs/exec-recovery.js";
import { namedSecrets } from "../execs/secrets.js";
import type { Primed } from "../pools/pool-keeper.js";
import { originOf } from "../snapshots/snapshot-source.js";
import { untilRecorded } from "../until-recorded.js";
import { attachAll } from "../volumes/attaching.js";
import { dropOwnVolumes, makeCopies, removeDisks } from "../volumes/snapshot-volumes.js";
import { machineSpec } from "./machine-spec.js";
import { prepareTemplate, startMachine } from "./machine-start.js";
import { watchMachine } from "./machine-watch.js";
import { imageDefaults } from "./machines.js";

/** Ends with the sandbox Running, or throws and leaves it Failed; Creating or Deleting when the signal aborted. */
export async function startSandbox(context: ControlContext, record: SandboxRecord, signal: AbortSignal): Promise<void> {
  const attempt: Attempt = { context, record, signal };
  try {
    await bringUp(attempt);
    if (record.snapshotId !== undefined) context.snapshotRemovals.collectInBackground();
  } catch (error) {
    const isGone = await undo(attempt);
    if (signal.aborted) throw signal.reason;
    const message = error instanceof AlcoveError ? error.message : "Alcove failed; the daemon's log has the cause.";
    context.logger.warn({ sandbox: record.id, err: error }, "A sandbox could not be created");
    const occurrence = { action: "startFailed", message, at: new Date().toISOString() } as const;
    const fail = () => recordFailure(context, record.id, { occurrence, isGone });
    await removeDisks(context, await untilRecorded(context, record.id, fail, signal));
    if (record.snapshotId !== undefined) context.snapshotRemovals.collectInBackground();
    throw error;
  }
}

interface Failure {
  readonly occurrence: Occurrence;
  readonly isGone: boolean;
}

/** Answers the volumes that went with it. A machine that may still write to them keeps them until the sandbox's deletion has ended it. */
function recordFailure({ register, store }: ControlContext, id: string, { occurrence, isGone }: Failure) {
  return store.transaction(() => {
    const dropped = isGone ? dropOwnVolumes(store, id) : [];
    if (isGone) store.volumes.releaseAll(id);
    register.finishCreation(id, occurrence);
    return dropped;
  });
}

interface Attempt {
  readonly context: ControlContext;
  readonly record: SandboxRecord;
  readonly signal: AbortSignal;
  machine?: Machine;
}

async function bringUp(attempt: Attempt): Promise<void> {
  const { context, signal } = attempt;
  const { admission, crashPoint, register } = context;
  // What it may reach is in force before its machine starts.
  const [{ disk, record }, told] = await Promise.all([
    context.imageUse.take(attempt.record, signal),
    context.egress.admit(attempt.record),
  ]);
  const demand = demandOf(context, record.size);
  const volumes = await makeCopies(context, record, signal);
  const spec = { ...machineSpec(record, disk, told), ...originOf(context, record), volumes };
  const machine = (await context.pools.claim(spec, signal)) ?? (await startAnew(attempt, spec, demand));
  attempt.machine = machine;
  await attachAll(context, machine, signal);
  // With its memory it has its programs, the entrypoint among them.
  if (spec.origin?.from === "Memory") await recordExecs(context, machine, signal);
  else if (record.entrypointExecId !== undefined)
    await startEntrypoint({ ...attempt, record }, machine, record.entrypointExecId);
  signal.throwIfAborted();
  crashPoint("create.beforeRunning");
  const running = register.finishCreation(record.id, { action: "started" });
  crashPoint("create.afterRunning");
  if (running === undefined)
    throw new AlcoveError("SandboxNotFound", `The sandbox ${record.id} was deleted meanwhile.`);
  admission.started(record, demand);
  watchMachine(context, running, machine);
}

async function startAnew(attempt: Attempt, spec: MachineSpec, demand: Demand): Promise<Machine> {
  const { context, record, signal } = attempt;
  const { admission, crashPoint, pools } = context;
  using primed = pools.primedFor(record, spec.disk);
  if (spec.origin === undefined && primed === undefined) await prepareTemplate(context, spec, signal);
  await admission.enter(record, demand, signal);
  crashPoint("create.beforeStart");
  const machine =
    primed === undefined ? await startMachine(context, spec, signal) : await startPrimed(attempt, spec, primed);
  crashPoint("create.afterStart");
  return machine;
}

/** What cannot go on from its group's primed template starts as if there were none. */
async function startPrimed({ context, record, signal }: Attempt, spec: MachineSpec, primed: Primed): Promise<Machine> {
  const { logger } = context;
  try {
    return await startMachine(context, { ...spec, origin: primed.origin }, signal);
  } catch (error) {
    signal.throwIfAborted();
    logger.warn({ sandbox: record.id, err: error }, "A primed template is of no use; the sandbox starts without");
    primed.giveUp();
  }
  await prepareTemplate(context, spec, signal);
  return await startMachine(context, spec, signal);
}

/** Starts the sandbox's program, in a guest that has just booted. */
export async function startEntrypoint(
  { context, record, signal }: Pick<Attempt, "context" | "record" | "signal">,
  machine: Machine,
  execId: string,
): Promise<void> {
  const { store, crashPoint } = context;
  store.transaction(() => {
    const entry = store.journal.list().find(({ sandboxId }) => sandboxId === record.id);
    if (entry) store.journal.advance(entry.number, "entrypoint", Date.now());
    store.execs.insert({ id: execId, sandboxId: record.id, startedAt: Date.now() });
  });
  crashPoint("create.beforeEntrypoint");
  await machine.guest.execs.start(
    {
      id: execId,
      argv: [...record.entrypoint, ...record.cmd],
      environment: namedSecrets(store, record.id, record.entrypointSecrets),
      stdin: false,
      ...imageDefaults(record),
    },
    signal,
  );
  crashPoint("create.afterEntrypoint");
}

/** Answers whether the machine is gone. */
async function undo({ context, record, machine }: Attempt): Promise<boolean> {
  try {
    await context.pools.discard(record.id);
    await machine?.destroy();
    return true;
  } catch (error) {
    context.logger.error({ sandbox: record.id, err: error }, "What a failed creation left could not be removed");
    if (machine !== undefined) context.machines.keep(record.id, machine);
    return false;
  } finally {
    context.admission.release(record.id);
  }
}

/**
 * The execs of an adopted or resumed sandbox, as its agent tells them: those that nobody recorded belonged to clients of the daemon
 * that died, or went while it was stopped, and end; records of execs that never started, or that the agent has forgotten, are forgotten too.
 */
import type { Machine } from "../../engines/engine.js";
import { withDeadline } from "../../lib/deadline.js";
import type { ControlContext } from "../context.js";

/** An agent that takes longer must not hold up the others; its sandbox is adopted all the same. */
const deadlineMs = 5_000;

export async function reconcileExecs(context: ControlContext, sandboxId: string, parent: AbortSignal): Promise<void> {
  const { store, logger } = context;
  using deadline = withDeadline(parent, deadlineMs);
  try {
    const execs = context.machines.get(sandboxId)?.guest.execs;
    const present = new Set((await execs?.list(deadline.signal))?.map(({ id }) => id));
    const recorded = new Set(store.execs.list(sandboxId).map(({ id }) => id));
    store.transaction(() => {
      store.journal.finishExecs(sandboxId);
      for (const id of recorded) if (!present.has(id)) store.execs.remove(sandboxId, id);
    });
    for (const id of present)
      if (!recorded.has(id) && !context.machines.isFollowed(id)) discardExec(context, sandboxId, id);
  } catch (error) {
    logger.warn({ sandbox: sandboxId, err: error }, "The execs of an adopted sandbox could not be read");
  }
}

/** The execs that came to a sandbox with its memory are its own from now on. */
export async function recordExecs({ store }: ControlContext, machine: Machine, parent: AbortSignal): Promise<void> {
  using deadline = withDeadline(parent, deadlineMs);
  const present = await machine.guest.execs.list(deadline.signal);
  store.transaction(() => {
    for (const { id, startedAtUnixMs } of present)
      store.execs.insert({ id, sandboxId: machine.id, startedAt: Math.trunc(startedAtUnixMs) });
  });
}

/** Records of execs that the agent has forgotten are of no use; they are looked for when there are many. */
export function forgetEndedExecs(context: ControlContext, sandboxId: string): void {
  if (context.store.execs.count(sandboxId) % sweepEvery !== 0) return;
  const { logger, machines, store } = context;
  const recorded = store.execs.list(sandboxId);
  const known = machines.get(sandboxId)?.guest.execs.list(context.stopping) ?? Promise.resolve([]);
  known
    .then((statuses) => {
      const present = new Set(statuses.map(({ id }) => id));
      const startedBefore = Date.now() - startingMs;
      const gone = recorded.filter(({ id, startedAt }) => !present.has(id) && startedAt < startedBefore);
      store.transaction(() => gone.forEach(({ id }) => void store.execs.remove(sandboxId, id)));
    })
    .catch((error: unknown) => logger.debug({ sandbox: sandboxId, err: error }, "Records of execs were not swept"));
}

/** The agent keeps 256 execs that ended. */
const sweepEvery = 512;
/** A start may be on its way to the agent for so long. */
const startingMs = 60_000;

/** Ends an exec that nobody waits for, and makes the agent forget it. */
export function discardExec(context: ControlContext, sandboxId: string, execId: string): void {
  const { machines, logger } = context;
  const execs = machines.get(sandboxId)?.guest.execs;
  if (execs === undefined || isAsleep(context, sandboxId)) {
    discardLater(context, sandboxId, execId);
    return;
  }
  const deadline = withDeadline(never, discardDeadlineMs);
  execs
    .delete(execId, { force: true }, deadline.signal)
    .catch((error: unknown) =>
      logger.debug({ sandbox: sandboxId, exec: execId, err: error }, "An exec was not discarded"),
    )
    .finally(() => deadline[Symbol.dispose]());
}

const discardDeadlineMs = 30_000;
const never = new AbortController().signal;

/** One whose client left while its sandbox was stopped with its memory would go on with it. */
function discardLater(context: ControlContext, sandboxId: string, execId: string): void {
  const { register, stopping } = context;
  if (!isAsleep(context, sandboxId)) return;
  register.changed
    .until(() => !isAsleep(context, sandboxId), stopping)
    .then(() => discardExec(context, sandboxId, execId))
    .catch(() => undefined);
}

function isAsleep({ store }: ControlContext, sandboxId: string): boolean {
  const { state, suspension } = store.sandboxes.find(sandboxId) ?? {};
  return state === "Stopping" || state === "Resuming" || (state === "Stopped" && suspension !== undefined);
}

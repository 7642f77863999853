/**
 * Looking into a sandbox: what it uses, its processes. It wakes nothing, and is no use that keeps a sandbox awake. Of one that does not
 * run is told what is known.
 */
import type { GuestStats, ProcessList, SandboxProcess, SandboxStats } from "@alcove/contract";
import { withDeadline } from "../../lib/deadline.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { type RunningSandbox, sandboxNotFound } from "./machines.js";
import type { SandboxRef } from "./sandbox-control.js";

export interface SandboxInsights {
  stats(ref: SandboxRef, signal: AbortSignal): Promise<SandboxStats>;
  /** One at once, then one each interval while it runs, and one when its state changes; ends when it is gone. */
  followStats(ref: SandboxRef, intervalMs: number, signal: AbortSignal): Promise<AsyncIterable<SandboxStats>>;
  processes(ref: SandboxRef, signal: AbortSignal): Promise<ProcessList>;
  followProcesses(ref: SandboxRef, intervalMs: number, signal: AbortSignal): Promise<AsyncIterable<ProcessList>>;
}

interface Seen {
  readonly readAt: string;
  readonly figures: GuestStats;
}

export function sandboxInsights(context: ControlContext): SandboxInsights {
  const seen = new Map<string, Seen>();
  context.register.follow((id, _before, after) => {
    if (after === undefined) seen.delete(id);
  });
  const stats: Look<SandboxStats> = {
    async read(record, { machine }, signal) {
      const figures = await machine.guest.stats(signal);
      const last = { readAt: new Date().toISOString(), figures };
      if (context.store.sandboxes.find(record.id) !== undefined) seen.set(record.id, last);
      return statsOf(context, record, last);
    },
    known: (record) => statsOf(context, record, seen.get(record.id)),
  };
  return {
    stats: (ref, signal) => look(context, stats, ref, signal),
    followStats: (ref, intervalMs, signal) => follow(context, stats, { ref, intervalMs }, signal),
    processes: (ref, signal) => look(context, processes, ref, signal),
    followProcesses: (ref, intervalMs, signal) => follow(context, processes, { ref, intervalMs }, signal),
  };
}

interface Look<Result> {
  /** Of one that runs. */
  read(record: SandboxRecord, sandbox: RunningSandbox, signal: AbortSignal): Promise<Result>;
  known(record: SandboxRecord): Result;
}

const processes: Look<ProcessList> = {
  async read({ state }, { machine }, signal) {
    const found: readonly SandboxProcess[] = await machine.guest.processes(signal);
    return { state, readAt: new Date().toISOString(), processes: [...found] };
  },
  known: ({ state }) => ({ state, processes: [] }),
};

function statsOf({ traffic }: ControlContext, record: SandboxRecord, seen: Seen | undefined): SandboxStats {
  const { figures, readAt } = seen ?? {};
  return { state: record.state, ...(readAt !== undefined && { readAt }), ...figures, network: traffic.of(record) };
}

async function look<Result>(
  context: ControlContext,
  { read, known }: Look<Result>,
  ref: SandboxRef,
  signal: AbortSignal,
): Promise<Result> {
  await context.gate.enter(ref.group);
  for (;;) {
    const record = find(context, ref);
    if (record.state !== "Running") return known(record);
    const running = context.machines.reachable(ref);
    // It is being stopped: its record is about to say so.
    if (running === undefined && context.machines.isRunning(ref.id)) return known(record);
    const sandbox = running ?? context.machines.require(ref);
    try {
      return await read(record, sandbox, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!hasStopped(context, ref, sandbox)) throw error;
    }
  }
}

/** What was asked came in between: that it does not answer any more is no fault. */
function hasStopped({ machines, store }: ControlContext, ref: SandboxRef, sandbox: RunningSandbox): boolean {
  const now = machines.reachable(ref);
  return now?.machine !== sandbox.machine || store.sandboxes.find(ref.id)?.state !== "Running";
}

async function follow<Result>(
  context: ControlContext,
  kind: Look<Result>,
  { ref, intervalMs }: { readonly ref: SandboxRef; readonly intervalMs: number },
  signal: AbortSignal,
): Promise<AsyncIterable<Result>> {
  const first = await look(context, kind, ref, signal);
  const state = () => context.store.sandboxes.find(ref.id)?.state;
  return (async function* () {
    for (let next: Result | undefined = first; next !== undefined; ) {
      const before = state();
      yield next;
      await change(context, () => state() !== before, before === "Running" ? intervalMs : undefined, signal);
      next = await lookIfThere(context, kind, ref, signal);
    }
  })();
}

/** Undefined where it is gone. */
async function lookIfThere<Result>(
  context: ControlContext,
  kind: Look<Result>,
  ref: SandboxRef,
  signal: AbortSignal,
): Promise<Result | undefined> {
  try {
    return await look(context, kind, ref, signal);
  } catch (error) {
    if (context.store.sandboxes.find(ref.id) === undefined) return undefined;
    throw error;
  }
}

/** Until it holds, or the time is over. */
async function change(
  { register: { changed } }: ControlContext,
  holds: () => boolean,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (timeoutMs === undefined) return changed.until(holds, signal);
  using deadline = withDeadline(signal, timeoutMs);
  await changed.until(holds, deadline.signal).catch((error: unknown) => {
    if (!deadline.expired) throw error;
  });
}

function find({ store }: ControlContext, ref: SandboxRef): SandboxRecord {
  const record = store.sandboxes.find(ref.id);
  if (record === undefined || record.group !== ref.group) throw sandboxNotFound(ref.id);
  return record;
}

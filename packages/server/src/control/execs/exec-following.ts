/**
 * Following an exec over stops of its sandbox: a stream waits while the sandbox is stopped, and goes on from its offset when
 * it runs again, with a word about the sleep from the agent. It does not resume it. Where nothing can come any more it ends
 * with why.
 */
import { AlcoveError } from "@alcove/contract";
import type { GuestExecs, LogFrame } from "../../guest/guest.js";
import { Interruptions } from "../../guest/interruptions.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import { notRunning, type RunningSandbox, sandboxNotFound } from "../sandboxes/machines.js";
import type { Reach } from "../sandboxes/reach.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

export interface FollowedExec<Frame> {
  readonly execId: string;
  readonly offset: number;
  begin(execs: GuestExecs): AsyncIterable<Frame>;
  goOn(execs: GuestExecs, offset: number): AsyncIterable<Frame>;
}

export async function* followOverStops<Frame extends LogFrame>(
  context: ControlContext,
  sandbox: RunningSandbox,
  { execId, begin, goOn, ...from }: FollowedExec<Frame>,
  signal: AbortSignal,
): AsyncGenerator<Frame> {
  using _followed = context.machines.follow(execId);
  let { offset } = from;
  const interruptions = new Interruptions();
  let hasBegun = false;
  let isAgain = false;
  for (let current = sandbox; ; ) {
    const { execs } = current.machine.guest;
    try {
      for await (const frame of hasBegun ? goOn(execs, offset) : begin(execs)) {
        if (frame.kind === "status" ? hasBegun : interruptions.hasSeen(frame)) continue;
        offset = endOf(frame) ?? offset;
        hasBegun = true;
        yield frame;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      // The start was heard of before the sandbox stopped.
      if (isAgain && !hasBegun && error instanceof AlcoveError && error.code === "ExecExists") hasBegun = true;
      else current = await nextRunning(context, current, error, signal);
      isAgain = true;
    }
  }
}

/** The sandbox as it is, where it is not stopped; else when it runs again. */
export async function runningAgain(
  { gate, machines, register, store }: ControlContext,
  reach: Reach,
  ref: SandboxRef,
  signal: AbortSignal,
): Promise<RunningSandbox> {
  await gate.enter(ref.group);
  while (machines.reachable(ref) === undefined && isStopped(store.sandboxes.find(ref.id), ref))
    await register.changed.wait(signal);
  return reach.asItIs(ref);
}

/** So that it can run again. */
function isStopped(record: SandboxRecord | undefined, { group }: SandboxRef): boolean {
  return record?.group === group && record.suspension !== undefined && record.desiredState !== "Deleted";
}

/** The sandbox when it runs again. Throws the error where that has nothing to do with a stop. */
async function nextRunning(
  { machines, register, store }: ControlContext,
  before: RunningSandbox,
  error: unknown,
  signal: AbortSignal,
): Promise<RunningSandbox> {
  const ref: SandboxRef = before;
  for (let hasWaited = false; ; hasWaited = true) {
    const record = store.sandboxes.find(ref.id);
    if (record === undefined || record.desiredState === "Deleted") throw sandboxNotFound(ref.id);
    const running = machines.reachable(ref);
    if (running !== undefined && (hasWaited || running.machine !== before.machine)) return running;
    if (running !== undefined || record.state === "Running") throw error;
    if (isWithoutExecs(record)) throw notRunning(record);
    await register.changed.wait(signal);
  }
}

/** Nothing of its programs is kept. */
function isWithoutExecs({ state, suspension }: SandboxRecord): boolean {
  if (suspension === undefined) return true;
  return state !== "Stopping" && (suspension.mode === "Disk" || suspension.from === "Disk");
}

/** The offset behind a frame. */
function endOf(frame: LogFrame): number | undefined {
  if (frame.kind === "gap") return frame.to;
  return frame.kind === "stdout" || frame.kind === "stderr" ? frame.offset + frame.bytes.length : undefined;
}

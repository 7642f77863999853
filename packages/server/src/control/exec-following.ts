/**
 * Following an exec over the sleeps of its sandbox. Whoever follows one whose sandbox is stopped with its memory waits, and
 * wakes nobody; when the sandbox goes on, so does the output from where it was, with a word about the sleep from the agent.
 */
import type { GuestExecs, OutputFrame } from "../guest/guest.js";
import { Interruptions } from "../guest/interruptions.js";
import type { ControlContext } from "./context.js";
import type { RunningSandbox } from "./machines.js";

/** The execs of the sandbox, whichever machine it has. Input and all else that is not followed is this machine's alone. */
export function execsOverSleeps(context: ControlContext, sandbox: RunningSandbox): GuestExecs {
  const { execs } = sandbox.machine.guest;
  return {
    ...execs,
    run: (spec, signal) =>
      follow(context, sandbox, { execId: spec.id, offset: 0, frames: execs.run(spec, signal) }, signal),
    attach: (execId, offset, signal) =>
      follow(context, sandbox, { execId, offset, frames: execs.attach(execId, offset, signal) }, signal),
  };
}

interface Following {
  readonly execId: string;
  readonly offset: number;
  readonly frames: AsyncIterable<OutputFrame>;
}

async function* follow(
  context: ControlContext,
  { id, group, machine }: RunningSandbox,
  { execId, offset, frames }: Following,
  signal: AbortSignal,
): AsyncGenerator<OutputFrame> {
  let position = { offset, isBegun: false };
  let current = machine;
  let source = frames;
  const interruptions = new Interruptions();
  for (;;) {
    try {
      for await (const frame of source) {
        if (frame.kind === "status" ? position.isBegun : interruptions.hasSeen(frame)) continue;
        position = { offset: endOf(frame) ?? position.offset, isBegun: true };
        yield frame;
      }
      return;
    } catch (error) {
      const next = await nextMachine(context, id, current, signal);
      // Where it does not run, that is what is wrong.
      if (next === undefined && !signal.aborted) context.machines.require({ group, id });
      if (next === undefined || !position.isBegun) throw error;
      current = next;
      source = current.guest.execs.attach(execId, position.offset, signal);
    }
  }
}

/** The machine that goes on where this one was suspended; undefined when none will, or this one just failed. */
async function nextMachine(
  { machines, register, store }: ControlContext,
  id: string,
  machine: RunningSandbox["machine"],
  signal: AbortSignal,
) {
  const isWaiting = () => {
    const record = store.sandboxes.find(id);
    if (record?.suspension?.mode === "Disk" || record?.suspension?.from === "Disk") return false;
    const { state } = record ?? {};
    return state === "Stopping" || state === "Resuming" || (state === "Stopped" && record?.suspension !== undefined);
  };
  if (!isWaiting() && machines.get(id) === machine) return undefined;
  await register.changed.until(() => !isWaiting(), signal);
  const next = machines.isRunning(id) ? machines.get(id) : undefined;
  return next === machine ? undefined : next;
}

/** The offset behind a frame. */
function endOf(frame: OutputFrame): number | undefined {
  if (frame.kind === "gap") return frame.to;
  return frame.kind === "stdout" || frame.kind === "stderr" ? frame.offset + frame.bytes.length : undefined;
}

/**
 * Execs. The agent is the truth about them; the store holds the ids of those that must outlive this daemon, which are the
 * detached ones and the streamed ones whose id the client chose. Nothing is written for any other.
 */
import type { Exec, ExecResult, StartExec } from "@alcove/contract";
import type { OutputFrame } from "../guest/guest.js";
import { type BufferedExec, runBuffered } from "./buffered-exec.js";
import type { ControlContext } from "./context.js";
import type { ExecControl, ExecMessage, ExecRef, SandboxRef } from "./control.js";
import { execsOverSleeps } from "./exec-following.js";
import { recordStart } from "./exec-journal.js";
import { discardExec, forgetEndedExecs } from "./exec-recovery.js";
import { commandSpec, shellSpec, startSpec } from "./exec-spec.js";
import { toExec, toMessage } from "./exec-view.js";
import { readLogs } from "./logs.js";
import type { RunningSandbox } from "./machines.js";

export function execControl(context: ControlContext): ExecControl {
  const enter = async (ref: SandboxRef): Promise<RunningSandbox> => {
    await context.gate.enter(ref.group);
    return context.machines.require(ref);
  };
  const execsOf = async (ref: SandboxRef) => execsOverSleeps(context, await enter(ref));
  return {
    async runCommand(ref, body, signal) {
      const sandbox = await enter(ref);
      return runAndDiscard(context, sandbox, { spec: commandSpec(sandbox, body), input: body.stdin }, signal);
    },
    async runShellCommand(ref, body, signal) {
      const sandbox = await enter(ref);
      return runAndDiscard(context, sandbox, { spec: shellSpec(sandbox, body), input: body.stdin }, signal);
    },
    async *stream(ref, body, signal) {
      const sandbox = await enter(ref);
      yield* body.id === undefined
        ? streamOwned(context, sandbox, body, signal)
        : streamRecorded(context, sandbox, body, signal);
    },
    start: async (ref, body, signal) => start(context, await enter(ref), body, signal),
    async logs(ref, options, signal) {
      const { id, machine } = await enter(ref);
      const entrypointExecId = context.store.sandboxes.find(id)?.entrypointExecId;
      return readLogs({ sandboxId: id, execs: machine.guest.execs, entrypointExecId }, options, signal);
    },
    async list(ref, signal) {
      return (await (await execsOf(ref)).list(signal)).map((status) => toExec(ref.id, status));
    },
    async get(ref, waitMs, signal) {
      return toExec(ref.id, await (await execsOf(ref)).get(ref.execId, waitMs, signal));
    },
    async *attach(ref, offset, signal) {
      yield* messages(ref.id, (await execsOf(ref)).attach(ref.execId, offset, signal));
    },
    async writeStdin(ref, input, options, signal) {
      return (await execsOf(ref)).writeStdin(ref.execId, input, options, signal);
    },
    async signal(ref, name, signal) {
      await (await execsOf(ref)).signal(ref.execId, name, signal);
    },
    async delete(ref: ExecRef, options, signal) {
      await (await execsOf(ref)).delete(ref.execId, options, signal);
      context.store.execs.remove(ref.id, ref.execId);
    },
  };
}

/** The exec ends with its client: one whose end did not come is ended. */
async function runAndDiscard(
  context: ControlContext,
  sandbox: RunningSandbox,
  exec: Omit<BufferedExec, "execs">,
  signal: AbortSignal,
): Promise<ExecResult> {
  try {
    return await runBuffered({ ...exec, execs: execsOverSleeps(context, sandbox) }, signal);
  } catch (error) {
    discardExec(context, sandbox.id, exec.spec.id);
    throw error;
  }
}

/** An exec without an id of the client's ends with its stream. */
async function* streamOwned(
  context: ControlContext,
  sandbox: RunningSandbox,
  body: StartExec,
  signal: AbortSignal,
): AsyncGenerator<ExecMessage> {
  const spec = startSpec(sandbox, body);
  try {
    yield* messages(sandbox.id, execsOverSleeps(context, sandbox).run(spec, signal));
  } finally {
    discardExec(context, sandbox.id, spec.id);
  }
}

/** An exec with an id of the client's goes on without its stream. */
async function* streamRecorded(
  context: ControlContext,
  sandbox: RunningSandbox,
  body: StartExec,
  signal: AbortSignal,
): AsyncGenerator<ExecMessage> {
  const spec = startSpec(sandbox, body);
  const record = recordStart(context, sandbox.id, spec.id);
  forgetEndedExecs(context, sandbox.id);
  let isStarted = false;
  try {
    for await (const frame of execsOverSleeps(context, sandbox).run(spec, signal)) {
      if (!isStarted) record.finish();
      isStarted = true;
      yield toMessage(sandbox.id, frame);
    }
  } catch (error) {
    if (!isStarted) record.fail(error);
    throw error;
  }
}

async function start(
  context: ControlContext,
  sandbox: RunningSandbox,
  body: StartExec,
  signal: AbortSignal,
): Promise<Exec> {
  const spec = startSpec(sandbox, body);
  const record = recordStart(context, sandbox.id, spec.id);
  forgetEndedExecs(context, sandbox.id);
  try {
    const status = await sandbox.machine.guest.execs.start(spec, signal);
    record.finish();
    return toExec(sandbox.id, status);
  } catch (error) {
    record.fail(error);
    throw error;
  }
}

async function* messages(sandboxId: string, frames: AsyncIterable<OutputFrame>): AsyncGenerator<ExecMessage> {
  for await (const frame of frames) yield toMessage(sandboxId, frame);
}

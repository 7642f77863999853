/**
 * Execs. The agent is the truth about them; the store holds the ids of those that must outlive this daemon, which are the
 * detached ones and the streamed ones whose id the client chose. Nothing is written for any other.
 */
import type { Exec, ExecResult, StartExec } from "@alcove/contract";
import type { ExecSpec, GuestExecs } from "../../guest/guest.js";
import type { ControlContext } from "../context.js";
import type { RunningSandbox } from "../sandboxes/machines.js";
import type { Reach } from "../sandboxes/reach.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import { type BufferedExec, runBuffered } from "./buffered-exec.js";
import type { ExecControl, ExecMessage, ExecRef } from "./exec-control.js";
import { followOverStops, runningAgain } from "./exec-following.js";
import { discardExec } from "./exec-recovery.js";
import { commandSpec, shellSpec, startSpec } from "./exec-spec.js";
import { messages, toExec } from "./exec-view.js";
import { readLogs } from "./logs.js";
import { recorded, run, streamRecorded } from "./recorded-exec.js";

export function execControl(context: ControlContext, reach: Reach): ExecControl {
  const execsOf = async (ref: SandboxRef, signal: AbortSignal) => (await reach.awake(ref, signal)).machine.guest.execs;
  return {
    async runCommand(ref, body, signal) {
      const sandbox = await reach.awake(ref, signal, body.activationMode);
      return runAndDiscard(context, sandbox, { spec: commandSpec(sandbox, body), input: body.stdin }, signal);
    },
    async runShellCommand(ref, body, signal) {
      const sandbox = await reach.awake(ref, signal, body.activationMode);
      return runAndDiscard(context, sandbox, { spec: shellSpec(sandbox, body), input: body.stdin }, signal);
    },
    async *stream(ref, body, signal) {
      const sandbox = await reach.awake(ref, signal);
      yield* body.id === undefined
        ? streamOwned(context, sandbox, body, signal)
        : streamRecorded(context, sandbox, startSpec(sandbox, body), signal);
    },
    start: async (ref, body, signal) => start(context, await reach.awake(ref, signal), body, signal),
    async logs(ref, options, signal) {
      const sandbox = options.follow ? await runningAgain(context, reach, ref, signal) : await reach.asItIs(ref);
      const { id } = sandbox;
      const entrypointExecId = context.store.sandboxes.find(id)?.entrypointExecId;
      const log: GuestExecs["log"] = (execId, offset, ending) => {
        const from = (execs: GuestExecs, at: number) => execs.log(execId, at, ending);
        const log = { execId, offset, begin: (execs: GuestExecs) => from(execs, offset), goOn: from };
        return followOverStops(context, sandbox, log, ending);
      };
      return readLogs({ sandboxId: id, execs: { log }, entrypointExecId }, options, signal);
    },
    async list(ref, signal) {
      return (await (await execsOf(ref, signal)).list(signal)).map((status) => toExec(ref.id, status));
    },
    async get(ref, waitMs, signal) {
      const { execs } = (await reach.asItIs(ref)).machine.guest;
      return toExec(ref.id, await execs.get(ref.execId, waitMs, signal));
    },
    async *attach(ref, offset, signal) {
      const sandbox = await runningAgain(context, reach, ref, signal);
      const attached = (execs: GuestExecs, at: number) => execs.attach(ref.execId, at, signal);
      const begin = (execs: GuestExecs) => attached(execs, offset);
      const followed = { execId: ref.execId, offset, begin, goOn: attached };
      yield* messages(ref.id, followOverStops(context, sandbox, followed, signal));
    },
    async writeStdin(ref, input, options, signal) {
      return (await execsOf(ref, signal)).writeStdin(ref.execId, input, options, signal);
    },
    async signal(ref, name, signal) {
      await (await execsOf(ref, signal)).signal(ref.execId, name, signal);
    },
    async delete(ref: ExecRef, options, signal) {
      await (await execsOf(ref, signal)).delete(ref.execId, options, signal);
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
  const { writeStdin } = sandbox.machine.guest.execs;
  const followed = (spec: ExecSpec, ending: AbortSignal) => run(context, sandbox, spec, ending);
  try {
    return await runBuffered({ ...exec, execs: { run: followed, writeStdin } }, signal);
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
    yield* messages(sandbox.id, run(context, sandbox, spec, signal));
  } finally {
    discardExec(context, sandbox.id, spec.id);
  }
}

async function start(
  context: ControlContext,
  sandbox: RunningSandbox,
  body: StartExec,
  signal: AbortSignal,
): Promise<Exec> {
  const spec = startSpec(sandbox, body);
  const record = recorded(context, sandbox, spec);
  try {
    const status = await sandbox.machine.guest.execs.start(spec, signal);
    record.finish();
    return toExec(sandbox.id, status);
  } catch (error) {
    record.fail(error);
    throw error;
  }
}

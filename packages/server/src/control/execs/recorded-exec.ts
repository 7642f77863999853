/** Execs that outlive their clients: on record before their effect, followed over stops of their sandbox. */
import type { ExecSpec, GuestExecs, OutputFrame } from "../../guest/guest.js";
import type { ControlContext } from "../context.js";
import type { RunningSandbox } from "../sandboxes/machines.js";
import type { ExecMessage } from "./exec-control.js";
import { followOverStops } from "./exec-following.js";
import { type RecordedStart, recordStart } from "./exec-journal.js";
import { forgetEndedExecs } from "./exec-recovery.js";
import { toMessage } from "./exec-view.js";

/** One with an id of the client's, or in a terminal, goes on without its stream. */
export async function* streamRecorded(
  context: ControlContext,
  sandbox: RunningSandbox,
  spec: ExecSpec,
  signal: AbortSignal,
): AsyncGenerator<ExecMessage> {
  const record = recorded(context, sandbox, spec);
  let isStarted = false;
  try {
    for await (const frame of run(context, sandbox, spec, signal)) {
      if (!isStarted) record.finish();
      isStarted = true;
      yield toMessage(sandbox.id, frame);
    }
  } catch (error) {
    if (!isStarted) record.fail(error);
    throw error;
  }
}

export function recorded(context: ControlContext, sandbox: RunningSandbox, { id }: ExecSpec): RecordedStart {
  const record = recordStart(context, sandbox.id, id);
  forgetEndedExecs(context, sandbox.id);
  return record;
}

/** Starts an exec and follows it over stops of its sandbox. */
export function run(
  context: ControlContext,
  sandbox: RunningSandbox,
  spec: ExecSpec,
  signal: AbortSignal,
): AsyncIterable<OutputFrame> {
  const begin = (execs: GuestExecs) => execs.run(spec, signal);
  const goOn = (execs: GuestExecs, at: number) => execs.attach(spec.id, at, signal);
  return followOverStops(context, sandbox, { execId: spec.id, offset: 0, begin, goOn }, signal);
}

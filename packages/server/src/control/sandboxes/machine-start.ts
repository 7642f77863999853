/** A machine's start for a sandbox, and what may have to be made for it first, as parts of the trace of who asked for it. */
import type { Machine, MachineSpec } from "../../engines/engine.js";
import { inSpan } from "../../lib/tracing.js";
import type { ControlContext } from "../context.js";

type Starting = Pick<ControlContext, "engine">;

export function startMachine({ engine }: Starting, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
  const attributes = { "alcove.engine": engine.name, "alcove.start.from": spec.origin?.kind ?? "template" };
  return inSpan("machine.start", { attributes }, () => engine.start(spec, signal));
}

export function prepareTemplate({ engine }: Starting, { disk, size }: MachineSpec, signal: AbortSignal): Promise<void> {
  return inSpan("template.prepare", {}, () => engine.prepare(disk, size, { signal }));
}

/**
 * Stop, resume, enable, disable: what is asked for is put on record, and the reconciler does it. Whoever asks for the same at
 * once shares the work; a stop waits for a resume that is under way, and the other way round.
 */
import { AlcoveError, type Sandbox } from "@alcove/contract";
import { untilAborted } from "../../lib/until-aborted.js";
import type { SandboxRecord, Suspension } from "../../store/sandboxes.js";
import { type ControlContext, demandOf } from "../context.js";
import { requireQuota } from "../groups/quotas.js";
import type { Reconciler } from "../reconciler.js";
import { requireDiskSpace } from "../system/disk-space.js";
import type { EngineReadiness } from "../system/engine-readiness.js";
import { notRunning, sandboxNotFound } from "./machines.js";
import { requireEngine } from "./other-engine.js";
import type { ResumeOptions, SandboxRef, StopOptions } from "./sandbox-control.js";
import { toSandbox } from "./sandbox-view.js";

interface Parts {
  readonly context: ControlContext;
  readonly reconciler: Reconciler;
  readonly readiness: EngineReadiness;
}

export class StopAndResume {
  readonly #context: ControlContext;
  readonly #reconciler: Reconciler;
  readonly #readiness: EngineReadiness;

  constructor({ context, reconciler, readiness }: Parts) {
    this.#context = context;
    this.#reconciler = reconciler;
    this.#readiness = readiness;
  }

  /** A caller who goes away, or does not wait, ends only its own waiting. */
  async stop(ref: SandboxRef, { wait = true, ...how }: StopOptions, signal: AbortSignal): Promise<Sandbox> {
    await this.#enter(ref, signal);
    const isStopped = await this.#settled({ ref, not: "Resuming" }, signal, (record) => {
      if (record.state === "Running") beginStop(this.#context, ref.id, how);
      else if (record.state !== "Stopping") requireKept(record);
      return record.state === "Stopped";
    });
    if (isStopped) return toSandbox(this.#find(ref));
    const closing = this.#reconciler.close(ref.id);
    if (wait) await untilAborted(closing, signal);
    else this.#leaveAlone(ref.id, closing);
    return toSandbox(this.#find(ref));
  }

  async resume(ref: SandboxRef, { from }: ResumeOptions, signal: AbortSignal): Promise<Sandbox> {
    await this.#enter(ref, signal);
    await requireDiskSpace(this.#context);
    await this.#settled({ ref, not: "Stopping" }, signal, (record) => {
      if (record.state === "Stopped") this.#beginResume(record, from);
      else if (record.state !== "Running" && record.state !== "Resuming") throw notRunning(record);
    });
    await untilAborted(this.#reconciler.close(ref.id), signal);
    return toSandbox(this.#find(ref));
  }

  /** When it answers the sandbox is stopped and stays so: one that is woken meanwhile is stopped again. */
  async disable(ref: SandboxRef, signal: AbortSignal): Promise<Sandbox> {
    for (;;) {
      await this.stop(ref, { reason: "Disabled" }, signal);
      const { state, stateDetails, suspension } = this.#find(ref);
      if (state !== "Stopped" || suspension === undefined) continue;
      if (stateDetails.stoppedReason !== "Disabled") this.#context.register.apply(ref.id, { action: "disable" });
      return toSandbox(this.#find(ref));
    }
  }

  async enable(ref: SandboxRef): Promise<Sandbox> {
    await this.#context.gate.enter(ref.group);
    const { state, stateDetails } = this.#find(ref);
    const isDisabled = state === "Stopped" && stateDetails.stoppedReason === "Disabled";
    if (isDisabled) this.#context.register.apply(ref.id, { action: "enable" });
    return toSandbox(this.#find(ref));
  }

  async #enter(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#context.gate.enter(ref.group);
    this.#find(ref);
    await this.#readiness.require(signal);
  }

  /** `decide` is called when it is in this state no more, in the turn in which that was seen: nobody comes in between. */
  async #settled<T>(
    { ref, not: state }: { readonly ref: SandboxRef; readonly not: SandboxRecord["state"] },
    signal: AbortSignal,
    decide: (record: SandboxRecord) => T,
  ): Promise<T> {
    for (let record = this.#find(ref); ; record = this.#find(ref)) {
      if (record.state !== state) return decide(record);
      // Nobody here brings it out of this state.
      requireEngine(this.#context, record);
      const closing = this.#reconciler.close(ref.id).catch(() => undefined);
      await untilAborted(closing, signal);
    }
  }

  #beginResume(record: SandboxRecord, from: ResumeOptions["from"]): void {
    const { admission, crashPoint, gate, register, store } = this.#context;
    const suspension = this.#requireResumable(record);
    const { mode } = suspension;
    if (from === "Memory" && mode === "Disk") throw noMemory(record.id, suspension);
    const resuming = store.sandboxes.count({ group: record.group, state: "Resuming" });
    admission.check(demandOf(this.#context, record.size), resuming);
    const { cpuMillicores, memoryMiB } = record.size;
    requireQuota(gate.require(record.group), { cpuMillicores, memoryMiB });
    crashPoint("resume.beforeMark");
    register.beginResume(record, from ?? mode);
    crashPoint("resume.afterMark");
  }

  #requireResumable(record: SandboxRecord): Suspension {
    const { id, stateDetails, suspension } = requireKept(record);
    if (stateDetails.stoppedReason === "Disabled")
      throw new AlcoveError("SandboxDisabled", `The sandbox ${id} is disabled.`);
    requireEngine(this.#context, record);
    return suspension;
  }

  #leaveAlone(id: string, work: Promise<void>): void {
    const { logger } = this.#context;
    work.catch((error: unknown) => logger.debug({ sandbox: id, err: error }, "What nobody waited for failed"));
  }

  #find({ group, id }: SandboxRef): SandboxRecord {
    const record = this.#context.store.sandboxes.find(id);
    if (record === undefined || record.group !== group) throw sandboxNotFound(id);
    return record;
  }
}

/** Puts on record that a running sandbox shall be stopped; the reconciler does it. */
export function beginStop(
  { crashPoint, register }: Pick<ControlContext, "crashPoint" | "register">,
  id: string,
  { mode = "Memory", reason = "UserStopped" }: StopOptions,
): void {
  crashPoint("stop.beforeMark");
  register.beginStop(id, { mode, reason });
  crashPoint("stop.afterMark");
}

/** Stopped, with something kept of it. */
function requireKept(record: SandboxRecord) {
  const { state, suspension } = record;
  if (state !== "Stopped" || suspension === undefined) throw notRunning(record);
  return { ...record, suspension };
}

function noMemory(id: string, { rollback }: Suspension): AlcoveError {
  if (rollback !== undefined) {
    const sentence = `The sandbox ${id} goes back to the disk of the snapshot ${rollback}.`;
    const hint = `Leave \`from\` out, or take it back anew, to the memory: \`alcove rollback ${id} ${rollback}\`.`;
    return new AlcoveError("InvalidRequest", sentence, { field: "from", value: "Memory", hint });
  }
  return new AlcoveError("InvalidRequest", `The sandbox ${id} was stopped without its memory.`, {
    field: "from",
    value: "Memory",
    hint: "Leave `from` out: it boots from its disk.",
  });
}

/** The way to a sandbox's machine: for what needs it, a stopped one is resumed first where that is how it is activated. */
import type { ActivationMode } from "@alcove/contract";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { ControlContext } from "../context.js";
import type { RunningSandbox } from "./machines.js";
import type { SandboxRef } from "./sandbox-control.js";
import type { StopAndResume } from "./stop-and-resume.js";

export class Reach {
  readonly #context: ControlContext;
  readonly #stopAndResume: StopAndResume;

  constructor(context: ControlContext, stopAndResume: StopAndResume) {
    this.#context = context;
    this.#stopAndResume = stopAndResume;
  }

  /** As it is: for what only looks on. Errors: SandboxNotFound, SandboxNotRunning, EngineUnavailable. */
  async asItIs(ref: SandboxRef): Promise<RunningSandbox> {
    const { gate, machines } = this.#context;
    await gate.enter(ref.group);
    return machines.require(ref);
  }

  /** Many at once cause one resume; a caller who goes away ends only its own waiting. `mode` in place of the sandbox's own. */
  async awake(ref: SandboxRef, signal: AbortSignal, mode?: ActivationMode): Promise<RunningSandbox> {
    const { gate, machines, store } = this.#context;
    await gate.enter(ref.group);
    for (;;) {
      const running = machines.reachable(ref);
      if (running !== undefined) return running;
      const record = store.sandboxes.find(ref.id);
      if (record === undefined || !wakes(record, mode ?? record.activationMode)) return machines.require(ref);
      await this.#stopAndResume.resume(ref, {}, signal);
    }
  }
}

/** A sandbox that is over is not woken: nothing of it is kept. */
function wakes({ state, suspension }: SandboxRecord, mode: ActivationMode): boolean {
  if (state === "Resuming") return true;
  return mode === "OnDemand" && suspension !== undefined && (state === "Stopped" || state === "Stopping");
}

/** The machines that this daemon holds, by sandbox: those that run, and those that ended and are not cleared away yet. */
import { AlcoveError } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import type { Hold } from "../../lifecycle/hold.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Store } from "../../store/store.js";
import { namedSecrets, type Secrets } from "../execs/secrets.js";
import type { SandboxRef } from "./sandbox-control.js";

export interface RunningSandbox {
  readonly id: string;
  readonly group: string;
  /** For execs that do not say otherwise. */
  readonly defaults: ExecDefaults;
  /** Those of its secrets that an exec asks for. */
  secrets(names: readonly string[] | undefined): Secrets;
  readonly machine: Machine;
  /** Why the host holds the machine now; seen, not recorded: the next daemon sees it again. */
  hold: Hold | undefined;
  /** It is being stopped: nothing new begins in it. */
  isStopping: boolean;
}

export interface ExecDefaults {
  readonly workingDirectory?: string;
  readonly user?: string;
}

/** What was asked for the sandbox, else what its image says. */
export function imageDefaults({ workingDirectory, imageConfig }: SandboxRecord): ExecDefaults {
  const directory = workingDirectory ?? imageConfig.workingDirectory;
  return {
    ...(directory === undefined ? {} : { workingDirectory: directory }),
    ...(imageConfig.user === undefined ? {} : { user: imageConfig.user }),
  };
}

export class Machines {
  readonly #store: Store;
  readonly #running = new Map<string, RunningSandbox>();
  readonly #ended = new Map<string, Machine>();
  readonly #followed = new Set<string>();

  constructor(store: Store) {
    this.#store = store;
  }

  add(record: SandboxRecord, machine: Machine): void {
    const { id, group } = record;
    const secrets = (names: readonly string[] | undefined) => namedSecrets(this.#store, id, names);
    this.#running.set(id, {
      id,
      group,
      defaults: imageDefaults(record),
      secrets,
      machine,
      hold: undefined,
      isStopping: false,
    });
  }

  setHold(id: string, hold: Hold | undefined): void {
    const running = this.#running.get(id);
    if (running) running.hold = hold;
  }

  holdOf(id: string): Hold | undefined {
    return this.#running.get(id)?.hold;
  }

  setStopping(id: string, isStopping: boolean): void {
    const running = this.#running.get(id);
    if (running) running.isStopping = isStopping;
  }

  isRunning(id: string): boolean {
    return this.#running.has(id);
  }

  /** The sandbox where it runs. */
  find(id: string): RunningSandbox | undefined {
    return this.#running.get(id);
  }

  /** The machine, whether it runs or has ended. */
  get(id: string): Machine | undefined {
    return this.#running.get(id)?.machine ?? this.#ended.get(id);
  }

  /** It takes no calls any more, but something of it may be left. */
  end(id: string): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#running.delete(id);
    this.#ended.set(id, running.machine);
  }

  /** It could not be ended, and never took calls: the sandbox's deletion tries again. */
  keep(id: string, machine: Machine): void {
    this.#ended.set(id, machine);
  }

  /** Nothing of it is left. */
  forget(id: string): void {
    this.#running.delete(id);
    this.#ended.delete(id);
  }

  /** The sandbox where it takes calls. */
  reachable(ref: SandboxRef): RunningSandbox | undefined {
    const running = this.#running.get(ref.id);
    return running?.group === ref.group && !running.isStopping ? running : undefined;
  }

  /** From now on somebody follows the exec, until it is disposed of. */
  follow(execId: string): Disposable {
    this.#followed.add(execId);
    return { [Symbol.dispose]: () => void this.#followed.delete(execId) };
  }

  isFollowed(execId: string): boolean {
    return this.#followed.has(execId);
  }

  /** As `reachable`. Errors: SandboxNotFound, SandboxNotRunning with its state and why, EngineUnavailable. */
  require(ref: SandboxRef): RunningSandbox {
    const running = this.reachable(ref);
    if (running !== undefined) return running;
    const record = this.#store.sandboxes.find(ref.id);
    if (record === undefined || record.group !== ref.group) throw sandboxNotFound(ref.id);
    if (record.state !== "Running") throw notRunning(record);
    throw new AlcoveError(
      "EngineUnavailable",
      `The sandbox ${ref.id} cannot be reached: the ${record.engine} engine does not work.`,
    );
  }
}

export function sandboxNotFound(id: string): AlcoveError {
  return new AlcoveError("SandboxNotFound", `There is no sandbox ${id}.`, { field: "id", value: id });
}

export function notRunning({ id, state, stateDetails, suspension }: SandboxRecord): AlcoveError {
  const reason = stateDetails.stoppedReason === undefined ? "" : ` (${stateDetails.stoppedReason})`;
  const message = stateDetails.message === undefined ? "." : `: ${stateDetails.message}`;
  const hint = hintOf({ id, state, stateDetails, suspension });
  return new AlcoveError("SandboxNotRunning", `The sandbox ${id} is ${state}${reason}${message}`, { hint });
}

/** What to do next, by what it is. */
function hintOf({
  id,
  state,
  stateDetails,
  suspension,
}: Pick<SandboxRecord, "id" | "state" | "stateDetails" | "suspension">): string {
  if (state === "Creating" || state === "Resuming") return `Wait until it is Running: \`alcove get --watch ${id}\`.`;
  if (state === "Stopping") return `Wait until it is Stopped, then resume it: \`alcove resume ${id}\`.`;
  if (state === "Failed") return "Delete it, and create a new one.";
  if (state === "Deleting") return "Create a new one.";
  if (suspension === undefined)
    return "Nothing is kept of it that could be resumed: take it back to one of its snapshots, or create a new one.";
  if (stateDetails.stoppedReason === "Disabled")
    return `Enable it, then resume it: \`alcove enable ${id}\`, \`alcove resume ${id}\`.`;
  return `Resume it: \`alcove resume ${id}\`.`;
}

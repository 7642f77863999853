/** A machine that runs: watched through QEMU's control channel, talked to through its agent. */
import { AlcoveError } from "@alcove/contract";
import type { Guest } from "../../../guest/guest.js";
import { type ProcessIdentity, processGone } from "../../../host/processes.js";
import type { SpawnedProgram } from "../../../host/spawn.js";
import { withDeadline } from "../../../lib/deadline.js";
import type { DataDisk, Machine, MachineEnd, Saved, SaveMode, SnapshotOptions } from "../../engine.js";
import type { Qmp, QmpEvent } from "../qmp/qmp.js";
import { DiskInDoubt } from "../saves/disk-laying.js";
import { snapshotMachine } from "../saves/snapshotting.js";
import { suspendMachine } from "../saves/suspension.js";
import { type Attachable, attachVolume, detachVolume } from "../volumes/attachment.js";
import { type Footing, requireRoomForLayer } from "./footing.js";
import { GuestConsole } from "./guest-console.js";
import { HoldWatch } from "./hold-watch.js";
import type { MachineHost } from "./machine-host.js";
import { machinePaths } from "./machine-paths.js";
import { endProcesses, removeMachine } from "./removal.js";

export interface MachineParts {
  readonly id: string;
  readonly process: ProcessIdentity;
  readonly uid: number | undefined;
  readonly generation: number;
  /** Undefined where an older daemon started it: such a machine is not suspended. */
  readonly footing: Footing | undefined;
  readonly guest: Guest;
  readonly qmp: Qmp;
  /** The process where this daemon started it; undefined where an earlier one did. */
  readonly program?: SpawnedProgram;
}

/** How long QEMU has between hanging up and being gone. */
const exitGraceMs = 5_000;

export class MicrovmMachine implements Machine {
  readonly id: string;
  readonly guest: Guest;
  readonly ended: Promise<MachineEnd>;
  readonly #host: MachineHost;
  readonly #parts: MachineParts;
  readonly #hold: HoldWatch;
  readonly #console: GuestConsole;
  #shutdown: string | undefined;
  #isSuspended = false;
  #isDiskInDoubt = false;
  #footing: Footing | undefined;
  #saving: Promise<void> = Promise.resolve();
  #letGo = false;
  #destroyed: Promise<void> | undefined;
  readonly #onEnded: () => void;

  constructor(host: MachineHost, parts: MachineParts, onEnded: () => void) {
    this.id = parts.id;
    this.guest = parts.guest;
    this.#host = host;
    this.#parts = parts;
    this.#footing = parts.footing;
    this.#onEnded = onEnded;
    this.#console = new GuestConsole(parts.qmp);
    this.#hold = new HoldWatch(parts.qmp, machinePaths(host.roots, parts.id).directory);
    parts.qmp.onEvent(this.#notice);
    this.ended = this.#watch();
  }

  onHold(listener: Parameters<Machine["onHold"]>[0]): () => void {
    return this.#hold.onHold(listener);
  }

  /** For a machine that was taken over: it may have been held while nobody watched. */
  lookForHold(signal: AbortSignal): Promise<void> {
    return this.#hold.look(signal);
  }

  console(): Promise<Uint8Array> {
    return this.#console.read(AbortSignal.timeout(5_000));
  }

  suspend(mode: SaveMode, signal: AbortSignal): Promise<Saved> {
    return this.#oneAtATime(async (footing) => {
      requireRoomForLayer(this.id, footing, "stop");
      const onKept = () => {
        this.#hold.stop();
        this.#isSuspended = true;
      };
      const saved = await suspendMachine(this.#host, { ...this.#parts, footing }, { mode, onKept }, signal);
      // One that does not go is not waited for.
      if (saved.left !== undefined) this.#parts.qmp.close();
      await this.ended;
      return saved;
    });
  }

  snapshot(snapshotId: string, options: SnapshotOptions, signal: AbortSignal): Promise<Saved> {
    return this.#oneAtATime(async (footing) => {
      requireRoomForLayer(this.id, footing, "snapshot");
      const onLayered = (layered: Footing) => {
        this.#footing = layered;
      };
      const order = { snapshotId, ...options, onLayered };
      return await snapshotMachine(this.#host, { ...this.#parts, footing }, order, signal).catch((error: unknown) => {
        this.#isDiskInDoubt ||= error instanceof DiskInDoubt;
        throw error;
      });
    });
  }

  get dataDisks(): readonly DataDisk[] {
    return this.#footing?.volumes ?? [];
  }

  attach(disk: DataDisk, signal: AbortSignal): Promise<void> {
    return this.#oneAtATime((footing) => attachVolume(this.#host, this.#attachable(footing), disk, signal));
  }

  detach(volumeId: string, signal: AbortSignal): Promise<void> {
    return this.#oneAtATime((footing) => detachVolume(this.#host, this.#attachable(footing), volumeId, signal));
  }

  #attachable(footing: Footing): Attachable {
    const onRecorded = (changed: Footing) => {
      this.#footing = changed;
    };
    return { ...this.#parts, footing, onRecorded };
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#remove().catch((error: unknown) => {
      this.#destroyed = undefined;
      throw error;
    });
    return this.#destroyed;
  }

  /** Lets go of the machine, which goes on running. */
  async letGo(): Promise<void> {
    this.#letGo = true;
    this.#hold.stop();
    await this.#parts.guest.close();
    this.#parts.qmp.close();
    this.#parts.program?.letGo();
  }

  async #oneAtATime<T>(work: (footing: Footing) => Promise<T>): Promise<T> {
    const message = `The machine ${this.id} was started by an older daemon, which did not write down what it stands on.`;
    const begin = () => {
      if (this.#footing === undefined) throw new AlcoveError("SnapshotIncompatible", message);
      if (this.#isSuspended || this.#parts.qmp.isClosed)
        throw new AlcoveError("SandboxNotRunning", `The machine ${this.id} has ended.`);
      if (this.#isDiskInDoubt) throw new AlcoveError("EngineUnavailable", inDoubt(this.id));
      return work(this.#footing);
    };
    const result = this.#saving.then(begin);
    this.#saving = result.then(
      () => undefined,
      () => undefined,
    );
    return await result;
  }

  async #remove(): Promise<void> {
    this.#hold.stop();
    const { id, process } = this.#parts;
    const uid = this.#isSuspended ? undefined : this.#parts.uid;
    await Promise.all([this.#parts.guest.close(), removeMachine(this.#host, { id, process, uid })]);
    await Promise.all([this.ended, this.#saving]);
  }

  readonly #notice = ({ event, data }: QmpEvent): void => {
    if (event === "SHUTDOWN" && data.guest === true) this.#shutdown = String(data.reason).slice(0, 100);
  };

  async #watch(): Promise<MachineEnd> {
    await this.#parts.qmp.closed;
    this.#hold.stop();
    if (this.#letGo) return new Promise(() => undefined);
    await this.#makeSureItIsGone();
    await this.#parts.guest.close();
    this.#onEnded();
    return this.#end();
  }

  async #makeSureItIsGone(): Promise<void> {
    using grace = withDeadline(new AbortController().signal, exitGraceMs);
    const paths = machinePaths(this.#host.roots, this.id);
    try {
      await processGone(this.#parts.process, grace.signal);
    } catch {
      await endProcesses(this.#parts, paths, AbortSignal.timeout(exitGraceMs)).catch(() => undefined);
    }
  }

  async #end(): Promise<MachineEnd> {
    if (this.#isSuspended) return { reason: "Suspended", message: "The machine was suspended." };
    if (this.#destroyed !== undefined) return { reason: "Destroyed", message: "The machine was destroyed." };
    if (this.#shutdown !== undefined) return { reason: "GuestExited", message: sentenceOf(this.#shutdown) };
    const lastWords = await this.#parts.program?.ended;
    return { reason: "EngineLost", message: lastWords ?? "QEMU ended, and did not say why." };
  }
}

function inDoubt(id: string): string {
  return `Nothing can be kept of ${id}: QEMU did not answer while its disk was given a new layer. A restart of the daemon settles that.`;
}

function sentenceOf(reason: string): string {
  if (reason === "guest-shutdown") return "The guest powered itself off.";
  if (reason === "guest-reset")
    return "The guest restarted itself, or its kernel panicked; a sandbox does not start again.";
  return `The guest ended (${reason}).`;
}

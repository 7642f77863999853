/** An engine without machines: everything happens in this process, behind the same channel and the same agent calls. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type Size, tiers } from "@alcove/contract";
import { connectGuest } from "../../guest/connect.js";
import type { Guest } from "../../guest/guest.js";
import { type Patience, usualPatience } from "../../guest/hello.js";
import type { ServeHost } from "../../guest/host-side.js";
import { untilAborted } from "../../lib/until-aborted.js";
import type {
  Builders,
  DiskBuild,
  DiskBuilder,
  DiskImage,
  Engine,
  Machine,
  MachineSpec,
  Owned,
  PrepareOptions,
  Recovery,
  Saves,
  Templates,
  Volumes,
} from "../engine.js";
import { writeFakeDisk } from "./disk.js";
import { FakeHost } from "./host.js";
import { FakeMachine } from "./machine.js";
import { beginMachine } from "./origin.js";
import { fakeSaves, removeSnapshots, snapshotMachine } from "./saves.js";
import { removeSuspended, suspendMachine } from "./suspended.js";
import { fakeTemplateKey, fakeTemplates, makeFakeTemplate } from "./templates.js";
import { elapse } from "./virtual-sleep.js";
import { attachFakeVolume, detachFakeVolume, fakeDataDisks, fakeVolumes, removeLeftVolumes } from "./volumes.js";

const builderSize = tiers.XS;

export interface FakeEngineOptions {
  /** Hand the same host to a new engine to play the restart of a daemon. */
  readonly host?: FakeHost;
  /** How long a silent agent is waited for. */
  readonly patience?: Patience;
  readonly serveHost?: (sandboxId: string) => ServeHost;
}

export function createFakeEngine(options: FakeEngineOptions = {}): Engine {
  return new FakeEngine(options);
}

class FakeEngine implements Engine {
  readonly name = "fake";
  readonly accelerator = "in-process";
  readonly #host: FakeHost;
  readonly #patience: Patience;
  readonly #serveHost: FakeEngineOptions["serveHost"];
  readonly #guests = new Set<Guest>();
  readonly #builders = new Set<string>();
  readonly #preparing = new Map<string, Promise<void>>();

  constructor({ host = new FakeHost(), patience = usualPatience, serveHost }: FakeEngineOptions) {
    this.#host = host;
    this.#patience = patience;
    this.#serveHost = serveHost;
  }

  get builders(): Builders {
    return { size: builderSize, open: (build, signal) => this.#openBuilder(build, signal) };
  }

  get templates(): Templates {
    return fakeTemplates(this.#host);
  }

  get volumes(): Volumes {
    return fakeVolumes(this.#host);
  }

  get saves(): Saves {
    return fakeSaves(this.#host);
  }

  async probe() {
    return { works: true, findings: [] };
  }

  cost(size: Size) {
    return { memoryMiB: size.memoryMiB };
  }

  async prepare(disk: DiskImage, size: Size, options: PrepareOptions): Promise<void> {
    const key = fakeTemplateKey(disk, size);
    if (this.#host.templates.has(key)) return;
    const shared =
      this.#preparing.get(key) ?? this.#makeTemplate(disk, size, options).finally(() => this.#preparing.delete(key));
    this.#preparing.set(key, shared);
    await untilAborted(shared, options.signal);
  }

  async start(spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    if (spec.origin === undefined) {
      await this.prepare(spec.disk, spec.size, { signal });
      this.#host.templates.get(fakeTemplateKey(spec.disk, spec.size))?.started.add(spec.id);
    }
    if (this.#host.machines.has(spec.id))
      throw new AlcoveError("InternalError", `There is a machine ${spec.id} already.`);
    const { machine, finish, undo } = await beginMachine(this.#host, spec);
    machine.isSilent = this.#host.faults.silentAgents ?? false;
    this.#host.machines.set(spec.id, machine);
    let guest: Guest | undefined;
    try {
      await elapse(this.#host.faults.startDelayMs ?? 0, signal);
      if (this.#host.faults.startError !== undefined) throw this.#host.faults.startError;
      guest = await this.#connect(machine, spec.generation, signal);
      const machineId = randomUUID().replaceAll("-", "");
      const { generation, hostname, environment, certificates } = spec;
      const told = certificates === undefined ? {} : { certificates };
      await guest.renew({ generation, hostname, machineId, environment, ...told, thaw: true }, signal);
      finish();
      return this.#adopt(machine, guest);
    } catch (error) {
      undo();
      this.#forget(machine);
      if (guest !== undefined) await this.#disconnect(guest);
      throw error;
    }
  }

  async #openBuilder({ id, diskPath }: DiskBuild, signal: AbortSignal): Promise<DiskBuilder> {
    if (this.#host.faults.builderError !== undefined) throw this.#host.faults.builderError;
    const machine = new FakeMachine(id, builderSize);
    machine.keepDisk = (content) => writeFakeDisk(diskPath, content);
    this.#host.builders.set(id, machine);
    this.#builders.add(id);
    let guest: Guest | undefined;
    const end = async () => {
      machine.stop({ reason: "Destroyed", message: "The builder was disposed of." });
      this.#host.builders.delete(id);
      this.#builders.delete(id);
      if (guest !== undefined) await this.#disconnect(guest);
    };
    try {
      guest = await this.#connect(machine, 0, signal);
      await guest.disk.open(signal);
      const { apply, finish } = guest.disk;
      return { apply, finish, [Symbol.asyncDispose]: end };
    } catch (error) {
      await end();
      throw error;
    }
  }

  async recover({ running, suspended, snapshots, volumes }: Owned, signal: AbortSignal): Promise<Recovery> {
    const machines: Machine[] = [];
    const lost = new Map<string, { reason: "EngineLost" | "HostRestarted"; message: string }>();
    const removed = [
      ...this.#removeBuilders(),
      ...removeSuspended(this.#host, suspended),
      ...removeSnapshots(this.#host, snapshots),
      ...removeLeftVolumes(this.#host, volumes),
    ];
    const owned = new Set([...running, ...suspended]);
    for (const machine of [...this.#host.machines.values()]) {
      if (!owned.has(machine.id)) {
        this.#remove(machine, "Nobody owned it.");
        removed.push(`machine ${machine.id}`);
      } else if (machine.end === undefined) {
        try {
          machines.push(this.#adopt(machine, await this.#connect(machine, 0, signal)));
        } catch (error) {
          signal.throwIfAborted();
          this.#remove(machine, "Its agent did not answer.");
          lost.set(machine.id, { reason: "EngineLost", message: `Its agent did not answer: ${String(error)}` });
        }
      }
    }
    for (const id of owned) {
      if (machines.some((machine) => machine.id === id) || this.#host.suspended.has(id) || lost.has(id)) continue;
      const hasRestarted = this.#host.lostToRestart.has(id);
      lost.set(id, {
        reason: hasRestarted ? "HostRestarted" : "EngineLost",
        message: hasRestarted ? "The host was restarted." : "Its machine is gone.",
      });
      this.#host.machines.delete(id);
    }
    const lostSnapshots = new Set([...snapshots].filter((id) => !this.#host.snapshots.has(id)));
    return { machines, lost, lostSnapshots, removed };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#guests].map((guest) => guest.close()));
  }

  async #makeTemplate(disk: DiskImage, size: Size, { onProgress }: PrepareOptions): Promise<void> {
    onProgress?.("Making a template", 0.5);
    if (this.#host.faults.prepareError !== undefined) throw this.#host.faults.prepareError;
    makeFakeTemplate(this.#host, disk, size);
    onProgress?.("The template is ready", 1);
  }

  async #connect(machine: FakeMachine, generation: number, signal: AbortSignal): Promise<Guest> {
    const serveHost = this.#serveHost?.(machine.id);
    const guest = await connectGuest(machine.open, { signal, generation, patience: this.#patience, serveHost });
    this.#guests.add(guest);
    return guest;
  }

  async #disconnect(guest: Guest): Promise<void> {
    this.#guests.delete(guest);
    await guest.close();
  }

  #adopt(machine: FakeMachine, guest: Guest): Machine {
    const ended = machine.ended().then(async (end) => {
      await this.#disconnect(guest);
      return end;
    });
    let isSuspended = false;
    return {
      id: machine.id,
      guest,
      ended,
      onHold: (listener) => machine.onHold(listener),
      snapshot: (snapshotId, options) => snapshotMachine(this.#host, machine, { snapshotId, ...options }),
      suspend: async (mode, signal) => {
        const saved = await suspendMachine(this.#host, machine, { mode, signal });
        isSuspended = true;
        await ended;
        return saved;
      },
      get dataDisks() {
        return fakeDataDisks(machine);
      },
      attach: async (disk) => attachFakeVolume(this.#host, machine, disk),
      detach: async (volumeId) => detachFakeVolume(machine, volumeId),
      console: async () => machine.console.read(),
      destroy: async () => {
        if (isSuspended) return;
        const { destroyError } = this.#host.faults;
        if (destroyError !== undefined) throw destroyError;
        this.#remove(machine, "The machine was destroyed.");
        await ended;
      },
    };
  }

  /** Those of daemons before. */
  #removeBuilders(): string[] {
    const left = [...this.#host.builders.values()].filter(({ id }) => !this.#builders.has(id));
    for (const builder of left) {
      builder.stop({ reason: "Destroyed", message: "Its daemon is gone." });
      this.#host.builders.delete(builder.id);
    }
    return left.map(({ id }) => `builder ${id}`);
  }

  #remove(machine: FakeMachine, message: string): void {
    machine.stop({ reason: "Destroyed", message });
    this.#forget(machine);
  }

  #forget(machine: FakeMachine): void {
    if (this.#host.machines.get(machine.id) === machine) this.#host.machines.delete(machine.id);
  }
}

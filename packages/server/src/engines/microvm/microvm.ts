/**
 * The microvm engine: each sandbox is a QEMU process with a kernel of its own, started from a template (template.ts) by
 * mapping its memory privately. It needs no rights beyond its user's, uses KVM where that really runs guests, and software
 * emulation elsewhere.
 */
import { setTimeout } from "node:timers/promises";
import { AlcoveError, type Size } from "@alcove/contract";
import { SharedWork } from "../../lib/shared-work.js";
import { currentSpan } from "../../lib/tracing.js";
import { undone } from "../../lib/undo.js";
import type {
  Builders,
  DiskBuild,
  DiskBuilder,
  DiskImage,
  DiskUse,
  Engine,
  Kept,
  Leftover,
  Machine,
  MachineSpec,
  Owned,
  PrepareOptions,
  Probe,
  Recovery,
  Saves,
  Templates,
  Volumes,
} from "../engine.js";
import { builderSize, openBuilder, removeLeftBuilders } from "./builder/builder.js";
import { sentenceFrom } from "./findings/host-findings.js";
import { type Examination, examineHost, unavailable } from "./findings/probe.js";
import type { MicrovmMachine } from "./machine/machine.js";
import { type MachineHost, overheadMiB } from "./machine/machine-host.js";
import { findOrigin, footingOn } from "./machine/origins.js";
import { recoverMachines } from "./machine/recovery.js";
import { startMachine } from "./machine/start.js";
import { startFromDisk } from "./machine/start-from-disk.js";
import type { MicrovmOptions, StartTimings } from "./options.js";
import { diskUse } from "./saves/disk-use.js";
import { findLeftovers, removeLeftovers } from "./saves/leftovers.js";
import { packMemories } from "./saves/memory-packer.js";
import { createSaves } from "./saves/saves.js";
import { forget, recoverSaves, removeLeftLayers, removeLeftMemories } from "./saves/saves-recovery.js";
import { TemplateStore } from "./templates/template-store.js";
import { templateUpkeep, trimTemplates } from "./templates/template-upkeep.js";
import { removeLeftVolumes } from "./volumes/volume-store.js";
import { createVolumes } from "./volumes/volumes.js";

/** How soon it is noticed that somebody changed a template. A look at one that was not takes microseconds. */
const checkIntervalMs = 15_000;

export type { MicrovmOptions } from "./options.js";

export function createMicrovmEngine(options: MicrovmOptions): Engine & Required<Pick<Engine, "builders" | "saves">> {
  return new MicrovmEngine(options);
}

class MicrovmEngine implements Engine {
  readonly name = "microvm";
  readonly builders: Builders = { size: builderSize, open: (build, signal) => this.#openBuilder(build, signal) };
  readonly saves: Saves = createSaves(async (signal) => (await this.#ready(signal)).host);
  readonly volumes: Volumes = createVolumes(async (signal) => (await this.#ready(signal)).host);
  readonly templates: Templates = templateUpkeep((signal) => this.#ready(signal));
  readonly #options: MicrovmOptions;
  readonly #closing = new AbortController();
  readonly #machines = new Map<string, MicrovmMachine>();
  readonly #builders = new Map<string, DiskBuilder | undefined>();
  readonly #examining = new SharedWork<"host", Examination>();
  #known: Examination | undefined;
  #templates: TemplateStore | undefined;
  #checking: Promise<unknown> | undefined;

  constructor(options: MicrovmOptions) {
    this.#options = options;
  }

  get accelerator(): string {
    return this.#known?.host?.installation.platform.accelerator ?? "unknown";
  }

  async probe(signal: AbortSignal = this.#closing.signal): Promise<Probe> {
    const { host, findings } = await this.#examine(signal);
    return { works: host !== undefined, findings };
  }

  async prepare(disk: DiskImage, size: Size, options: PrepareOptions): Promise<void> {
    const { templates } = await this.#ready(options.signal);
    await templates.ensure(disk, size, options);
  }

  async start(spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    const clock = startClock(spec.id);
    const { host, templates } = await this.#ready(signal);
    const start = await this.#whereFrom(host, templates, spec, signal);
    clock.mark("template");
    const hooks = { onEnded: () => void this.#machines.delete(spec.id), mark: clock.mark };
    const begin = spec.origin?.from === "Disk" ? startFromDisk : startMachine;
    const machine = await begin(host, { spec, ...start }, hooks, signal);
    this.#machines.set(spec.id, machine);
    if (spec.origin?.kind === "suspended") await useUp(host, spec.origin, machine);
    this.#options.onTimings?.(clock.timings());
    return machine;
  }

  async #whereFrom(host: MachineHost, templates: TemplateStore, spec: MachineSpec, signal: AbortSignal) {
    if (spec.origin !== undefined) {
      if (spec.origin.kind === "suspended") await host.chains.leaveAlone(spec.origin.sandboxId, signal);
      return await findOrigin(host, spec.origin, spec);
    }
    const { disk, size } = spec;
    const template = templates.find(disk, size) ?? (await templates.ensure(disk, size, { signal }));
    return { footing: footingOn(template, spec), kept: undefined };
  }

  async #openBuilder(build: DiskBuild, signal: AbortSignal): Promise<DiskBuilder> {
    const { host } = await this.#ready(signal);
    this.#builders.set(build.id, undefined);
    const onEnded = () => this.#builders.delete(build.id);
    const builder = await openBuilder(host, build, { onEnded, stallMs: this.#options.builderStallMs }, signal);
    this.#builders.set(build.id, builder);
    return builder;
  }

  async recover(owned: Owned, signal: AbortSignal): Promise<Recovery> {
    const { host, templates } = await this.#ready(signal);
    const halfMade = await templates.recover(signal);
    const builders = new Set(this.#builders.keys());
    const left = await removeLeftBuilders(host, builders);
    const saves = await recoverSaves(host, owned);
    const running = new Set([...owned.running].filter((id) => !saves.suspended.has(id)));
    const recovery = await recoverMachines(host, running, { machines: this.#machines, builders }, signal);
    const volumes = await removeLeftVolumes(host, owned.volumes);
    const layers = [...(await removeLeftLayers(host)), ...(await removeLeftMemories(host))];
    const stale = await templates.removeStale(host.holdings.templateKeys());
    this.#checking = Promise.all([this.#checkTemplates(templates), this.#packMemories(host)]);
    const removed = [...halfMade, ...left, ...volumes, ...saves.removed, ...recovery.removed, ...layers, ...stale];
    const { lostSnapshots } = saves;
    return { machines: recovery.machines, lost: new Map([...recovery.lost, ...saves.lost]), lostSnapshots, removed };
  }

  cost(size: Size): { readonly memoryMiB: number } {
    return { memoryMiB: size.memoryMiB + overheadMiB };
  }

  async diskUse(signal: AbortSignal): Promise<readonly DiskUse[]> {
    return await diskUse((await this.#ready(signal)).host);
  }

  async leftovers({ remove }: { readonly remove: boolean }, signal: AbortSignal): Promise<readonly Leftover[]> {
    const found = await findLeftovers((await this.#ready(signal)).host);
    if (remove) await removeLeftovers(found);
    return found.map(({ kind, name, bytes }) => ({ kind, name, bytes }));
  }

  async close(): Promise<void> {
    this.#closing.abort(new AlcoveError("DaemonStopping"));
    await Promise.all([...this.#builders.values()].map((builder) => builder?.[Symbol.asyncDispose]()));
    await Promise.all([...this.#machines.values()].map((machine) => machine.letGo()));
    this.#machines.clear();
    await this.#checking;
    await this.#known?.host?.chains.close();
    await this.#known?.host?.cgroups?.close();
  }

  async #packMemories({ roots }: MachineHost): Promise<void> {
    const { packAfterMs: afterMs = 0, onMergeFailed: onFailed } = this.#options;
    if (afterMs > 0) await packMemories(roots, { afterMs, onFailed }, this.#closing.signal);
  }

  /** In the background, again and again: a daemon that starts does not wait for it, one that stops ends it. */
  async #checkTemplates(templates: TemplateStore): Promise<void> {
    const onDamaged = this.#options.onDamagedTemplate ?? (() => undefined);
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await templates.check(onDamaged, signal);
        await this.#trimTemplates(templates);
      } catch (error) {
        if (!signal.aborted) onDamaged(sentenceFrom("The templates could not be checked", error));
      }
      await setTimeout(checkIntervalMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #trimTemplates(templates: TemplateStore): Promise<void> {
    const { templatesMaximumBytes = Number.POSITIVE_INFINITY, onUpkeep } = this.#options;
    const host = this.#known?.host;
    if (host === undefined) return;
    for (const sentence of await trimTemplates({ host, templates }, templatesMaximumBytes)) onUpkeep?.(sentence);
  }

  async #ready(signal: AbortSignal): Promise<{ readonly host: MachineHost; readonly templates: TemplateStore }> {
    const { host, findings } = this.#known ?? (await this.#examine(signal));
    if (host === undefined) throw unavailable(findings);
    this.#templates ??= new TemplateStore(host);
    return { host, templates: this.#templates };
  }

  /** Callers at the same time share it. Machines that run keep the host that they were started with; what has got better since counts for new ones. */
  async #examine(signal: AbortSignal): Promise<Examination> {
    const examination = await this.#examining.run("host", (work) => examineHost(this.#options, work), signal);
    if (this.#known?.host === undefined) this.#known = examination;
    return examination;
  }
}

/** Where it cannot be used up, what is kept counts, and the machine does not: both would be two of one sandbox. */
async function useUp(host: MachineHost, kept: Kept, machine: Machine): Promise<void> {
  try {
    await forget(host, kept);
  } catch (error) {
    throw await undone(error, () => machine.destroy());
  }
}

function startClock(id: string) {
  const began = performance.now();
  const at = { template: 0, files: 0, spawned: 0, listening: 0, connected: 0, renewed: 0 };
  return {
    mark: (phase: keyof typeof at) => {
      at[phase] = performance.now() - began;
      currentSpan()?.note(phase);
    },
    timings: (): StartTimings => ({ id, ...at }),
  };
}

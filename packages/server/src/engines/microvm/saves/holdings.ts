/** Who stands on which layers, memories and templates: machines, suspended ones, snapshots, volumes. What nobody stands on any more is removed. */
import { readdir, rm } from "node:fs/promises";
import { eachAtOnce } from "../../../lib/each-at-once.js";
import type { Kept } from "../../engine.js";
import type { Footing } from "../machine/footing.js";
import {
  layerPath,
  machinePaths,
  type Roots,
  sandboxesDirectory,
  sharedMemoryPath,
  snapshotsDirectory,
  suspendedDirectory,
} from "../machine/machine-paths.js";
import { readMachineRecord } from "../machine/machine-record.js";
import { readVolume, volumeIds } from "../volumes/volume-manifest.js";
import { keptPaths, listKept, readManifest } from "./kept.js";

export type Holder = Kept | { readonly kind: "machine" | "volume"; readonly id: string };

/** A volume stands on layers alone. */
type Stand = Footing | { readonly layers: readonly string[] };

/** A thousand manifests are read in little more time than the processor takes for them. */
const readAtOnce = 32;

export class Holdings {
  readonly #roots: Roots;
  readonly #held = new Map<string, Stand>();
  #loaded: Promise<void> | undefined;

  constructor(roots: Roots) {
    this.#roots = roots;
  }

  hold(holder: Holder, stand: Stand): void {
    this.#held.set(nameOf(holder), stand);
  }

  /** Whether it stands on anything: what is kept does, when it is whole. */
  has(holder: Holder): boolean {
    return this.#held.has(nameOf(holder));
  }

  /** What the holder stood on goes with it where it was the last; a layer that cannot be removed goes with the next daemon's start. */
  async release(holder: Holder): Promise<void> {
    await this.load();
    const before = this.#held.get(nameOf(holder));
    this.#held.delete(nameOf(holder));
    await this.#removeUnneeded(before);
  }

  /** From now on the holder stands on this alone; what it stood on before goes where it was the last. */
  async move(holder: Holder, stand: Stand): Promise<void> {
    await this.load();
    const before = this.#held.get(nameOf(holder));
    this.hold(holder, stand);
    await this.#removeUnneeded(before);
  }

  /** Layers that anybody stands on. */
  layers(): readonly string[] {
    return [...this.#held.values()].flatMap(layersOf);
  }

  /** Layers that anybody else stands on. */
  layersOfOthers(holder: Holder): ReadonlySet<string> {
    const others = [...this.#held].filter(([name]) => name !== nameOf(holder));
    return new Set(others.flatMap(([, stand]) => layersOf(stand)));
  }

  /** Shared memories that anybody stands on. */
  memories(): ReadonlySet<string> {
    return new Set(this.#footings().flatMap(([, { memory }]) => (memory.kind === "shared" ? [memory.id] : [])));
  }

  templateKeys(): ReadonlySet<string> {
    return new Set(this.#footings().map(([, { templateKey }]) => templateKey));
  }

  /** Ids of the sandboxes and snapshots that stand on a template, and the image and size that it was made of. */
  ofTemplate(key: string): { readonly users: readonly string[]; readonly made: Footing | undefined } {
    const found = this.#footings().filter(([, { templateKey }]) => templateKey === key);
    const ids = found.map(([name]) => name.slice(name.indexOf(" ") + 1));
    return { users: [...new Set(ids)], made: found[0]?.[1] };
  }

  /**
   * Looks once at what earlier daemons kept and ran; what is made later is told by `hold`. A machine that nobody has taken over
   * yet stands on its layers all the same: what else stands on them may go before.
   */
  load(): Promise<void> {
    this.#loaded ??= this.#read().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #read(): Promise<void> {
    const suspended = await listKept(suspendedDirectory(this.#roots));
    const snapshots = await listKept(snapshotsDirectory(this.#roots));
    const all: readonly Kept[] = [
      ...suspended.ids.map((sandboxId) => ({ kind: "suspended", sandboxId }) as const),
      ...snapshots.ids.map((snapshotId) => ({ kind: "snapshot", snapshotId }) as const),
    ];
    await eachAtOnce(all, readAtOnce, async (kept) => {
      const manifest = await readManifest(keptPaths(this.#roots, kept));
      if (manifest !== undefined) this.#found(kept, manifest.footing);
    });
    for (const id of await readdir(sandboxesDirectory(this.#roots))) await this.#readMachine(id);
    for (const id of await volumeIds(this.#roots)) await this.#readVolume(id);
  }

  async #readMachine(id: string): Promise<void> {
    const { footing, layering } = (await readMachineRecord(machinePaths(this.#roots, id).record)) ?? {};
    if (footing === undefined) return;
    const layers = layering === undefined ? footing.layers : [layering, ...footing.layers];
    this.#found({ kind: "machine", id }, { ...footing, layers });
  }

  /** One that cannot be read is of no use any more. */
  async #readVolume(id: string): Promise<void> {
    const volume = await readVolume(this.#roots, id).catch(() => undefined);
    if (volume !== undefined) this.#found({ kind: "volume", id }, { layers: volume.layers });
  }

  /** What was told meanwhile is newer than what was read. */
  #found(holder: Holder, stand: Stand): void {
    if (!this.#held.has(nameOf(holder))) this.hold(holder, stand);
  }

  #footings(): (readonly [string, Footing])[] {
    return [...this.#held].flatMap(([name, stand]) => ("memory" in stand ? [[name, stand] as const] : []));
  }

  async #removeUnneeded(stand: Stand | undefined): Promise<void> {
    if (stand === undefined) return;
    const needed = new Set(this.layers());
    for (const layer of layersOf(stand)) {
      if (!needed.has(layer)) await rm(layerPath(this.#roots, layer), { force: true }).catch(() => undefined);
    }
    if (!("memory" in stand) || stand.memory.kind !== "shared" || this.memories().has(stand.memory.id)) return;
    await rm(sharedMemoryPath(this.#roots, stand.memory.id), { force: true }).catch(() => undefined);
  }
}

/** Of its disk, and of volumes that were frozen with it. */
function layersOf(stand: Stand): readonly string[] {
  const volumes = "memory" in stand ? (stand.volumes ?? []) : [];
  return [...stand.layers, ...volumes.flatMap(({ frozen }) => frozen?.layers ?? [])];
}

function nameOf(holder: Holder): string {
  if (holder.kind === "suspended") return `suspended ${holder.sandboxId}`;
  return holder.kind === "snapshot" ? `snapshot ${holder.snapshotId}` : `${holder.kind} ${holder.id}`;
}

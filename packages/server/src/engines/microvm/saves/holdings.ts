/** Who stands on which layers, memories and templates: machines, suspended ones, snapshots. What nobody stands on any more is removed. */
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
import { keptPaths, listKept, readManifest } from "./kept.js";

export type Holder = Kept | { readonly kind: "machine"; readonly id: string };

/** A thousand manifests are read in little more time than the processor takes for them. */
const readAtOnce = 32;

export class Holdings {
  readonly #roots: Roots;
  readonly #held = new Map<string, Footing>();
  #loaded: Promise<void> | undefined;

  constructor(roots: Roots) {
    this.#roots = roots;
  }

  hold(holder: Holder, footing: Footing): void {
    this.#held.set(nameOf(holder), footing);
  }

  /** Whether it stands on anything: what is kept does, when it is whole. */
  has(holder: Holder): boolean {
    return this.#held.has(nameOf(holder));
  }

  /** What the holder stood on goes with it where it was the last; a layer that cannot be removed goes with the next daemon's start. */
  async release(holder: Holder): Promise<void> {
    await this.load();
    const footing = this.#held.get(nameOf(holder));
    this.#held.delete(nameOf(holder));
    const needed = new Set(this.layers());
    for (const layer of footing?.layers ?? []) {
      if (!needed.has(layer)) await rm(layerPath(this.#roots, layer), { force: true }).catch(() => undefined);
    }
    if (footing?.memory.kind !== "shared" || this.memories().has(footing.memory.id)) return;
    await rm(sharedMemoryPath(this.#roots, footing.memory.id), { force: true }).catch(() => undefined);
  }

  /** Layers that anybody stands on. */
  layers(): readonly string[] {
    return [...this.#held.values()].flatMap(({ layers }) => layers);
  }

  /** Layers that anybody else stands on. */
  layersOfOthers(holder: Holder): ReadonlySet<string> {
    const others = [...this.#held].filter(([name]) => name !== nameOf(holder));
    return new Set(others.flatMap(([, { layers }]) => layers));
  }

  /** Shared memories that anybody stands on. */
  memories(): ReadonlySet<string> {
    return new Set([...this.#held.values()].flatMap(({ memory }) => (memory.kind === "shared" ? [memory.id] : [])));
  }

  templateKeys(): ReadonlySet<string> {
    return new Set([...this.#held.values()].map(({ templateKey }) => templateKey));
  }

  /** Ids of the sandboxes and snapshots that stand on a template, and the image and size that it was made of. */
  ofTemplate(key: string): { readonly users: readonly string[]; readonly made: Footing | undefined } {
    const found = [...this.#held].filter(([, { templateKey }]) => templateKey === key);
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
  }

  async #readMachine(id: string): Promise<void> {
    const { footing, layering } = (await readMachineRecord(machinePaths(this.#roots, id).record)) ?? {};
    if (footing === undefined) return;
    const layers = layering === undefined ? footing.layers : [layering, ...footing.layers];
    this.#found({ kind: "machine", id }, { ...footing, layers });
  }

  /** What was told meanwhile is newer than what was read. */
  #found(holder: Holder, footing: Footing): void {
    if (!this.#held.has(nameOf(holder))) this.hold(holder, footing);
  }
}

function nameOf(holder: Holder): string {
  if (holder.kind === "machine") return `machine ${holder.id}`;
  return holder.kind === "suspended" ? `suspended ${holder.sandboxId}` : `snapshot ${holder.snapshotId}`;
}

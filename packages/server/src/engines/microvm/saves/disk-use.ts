/** What the engine keeps on the disk, by kind. */
import { bytesIn, entriesOf } from "../../../host/disk-use.js";
import type { DiskUse } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";
import {
  buildersDirectory,
  layersDirectory,
  memoriesDirectory,
  sandboxesDirectory,
  snapshotsDirectory,
  suspendedDirectory,
  templatesDirectory,
  volumesDirectory,
} from "../machine/machine-paths.js";

/** In this order: a disk that has become a layer is one, whatever other name it has. */
const places = [
  ["layers", layersDirectory],
  ["memories", memoriesDirectory],
  ["volumes", volumesDirectory],
  ["snapshots", snapshotsDirectory],
  ["suspended", suspendedDirectory],
  ["templates", templatesDirectory],
  ["running", sandboxesDirectory],
  ["builds", buildersDirectory],
] as const;

export async function diskUse({ roots, holdings }: Pick<MachineHost, "roots" | "holdings">): Promise<DiskUse[]> {
  await holdings.load();
  const held: Partial<Record<DiskUse["kind"], ReadonlySet<string>>> = {
    layers: new Set(holdings.layers().map((layer) => `${layer}.qcow2`)),
    memories: holdings.memories(),
    templates: holdings.templateKeys(),
  };
  const seen = new Set<string>();
  const uses: DiskUse[] = [];
  for (const [kind, place] of places) {
    const directory = place(roots);
    const names = (await entriesOf(directory)).map(({ name }) => name).filter((name) => !name.startsWith("."));
    const bytes = await bytesIn(directory, seen);
    const holders = held[kind];
    const inUse = holders && names.filter((name) => holders.has(name)).length;
    uses.push({ kind, count: names.length, bytes, ...(inUse === undefined ? {} : { inUse }) });
  }
  return uses;
}

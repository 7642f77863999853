/**
 * Makes one layer of those that only one suspended machine stands on. The layers below are shared or a template's, and stay.
 * Killed anywhere it has changed nothing, or everything: the manifest names the old layers or the new one, and what no manifest
 * names goes when the next daemon starts.
 */
import { randomUUID } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { freeSpace } from "../../../host/free-space.js";
import { syncPath } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { Kept } from "../../engine.js";
import { disksBelow } from "../machine/footing.js";
import { diskBytesOf, type MachineHost } from "../machine/machine-host.js";
import { layerPath, layersDirectory } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { keptPaths, type Manifest, readManifest, rewriteManifest } from "./kept.js";
import { runQemuImg } from "./qemu-img.js";
import { takeOver } from "./saves-recovery.js";

const bytesPerBlock = 512;
/** Below so many of its own a chain stays as it is: reading through them costs little, and merging copies them. */
export const longestChain = 4;
/** The lowest stays out of it while it is so many times as large as the others together: it would be copied again and again. */
const largeRatio = 4;

/** How many to merge, from the top, by their sizes, the topmost first. */
export function countToMerge(sizes: readonly number[]): number {
  if (sizes.length <= longestChain) return 0;
  const lowest = sizes.at(-1) ?? 0;
  const others = sizes.slice(0, -1).reduce((sum, size) => sum + size, 0);
  return lowest > largeRatio * others ? sizes.length - 1 : sizes.length;
}

/** Only it stands on them: whoever else stands on a layer stands on all below it too. */
export async function ownLayers({ roots, holdings }: Pick<MachineHost, "roots" | "holdings">, kept: Kept) {
  await holdings.load();
  const manifest = await readManifest(keptPaths(roots, kept));
  const others = holdings.layersOfOthers(kept);
  // Below one that came with an archive there is nothing to merge onto.
  const layers = manifest?.footing.layers.slice(0, manifest.footing.isDetached === true ? -1 : undefined) ?? [];
  const firstShared = layers.findIndex((layer) => others.has(layer));
  return { manifest, own: firstShared === -1 ? layers : layers.slice(0, firstShared) };
}

export type MergingHost = Pick<
  MachineHost,
  "roots" | "holdings" | "installation" | "namespaces" | "programPaths" | "devicePaths"
>;

/** What is so on the disk after each step, in their order: a test kills the daemon there. */
export const mergeSteps = ["begun", "written", "named", "removing"] as const;
export type MergeStep = (typeof mergeSteps)[number];

/** Nobody may start from it meanwhile, nor remove it. Answers how many layers became one. */
export async function mergeLayers(
  host: MergingHost,
  kept: Kept,
  signal: AbortSignal,
  passed: (step: MergeStep) => void | Promise<void> = () => undefined,
): Promise<number> {
  const { manifest, own } = await ownLayers(host, kept);
  const sizes = await Promise.all(own.map((layer) => bytesOf(layerPath(host.roots, layer))));
  const count = countToMerge(sizes);
  if (manifest === undefined || count === 0) return 0;
  await checkRoom(host, sizes.slice(0, count));
  const merged = randomUUID();
  const path = layerPath(host.roots, merged);
  await passed("begun");
  try {
    await writeMerged(host, manifest, { count, path }, signal);
    await passed("written");
    signal.throwIfAborted();
    const footing = { ...manifest.footing, layers: [merged, ...manifest.footing.layers.slice(count)] };
    await rewriteManifest(keptPaths(host.roots, kept), { ...manifest, footing });
    host.holdings.hold(kept, footing);
    await passed("named");
  } catch (error) {
    throw await undone(error, () => removeUnnamed(host, kept, merged));
  }
  for (const layer of own.slice(0, count)) {
    await rm(layerPath(host.roots, layer), { force: true });
    await passed("removing");
  }
  return count;
}

/**
 * An empty disk on top of all, moved down to stand below those that are merged: what differs from there is copied into it, and
 * what one layer wrote over another is left behind.
 */
async function writeMerged(
  host: MergingHost,
  { footing }: Manifest,
  { count, path }: { readonly count: number; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const disks = disksBelow(host.roots, footing);
  const base = disks[count];
  if (base === undefined) throw new RangeError(`there is nothing below ${count} layers`);
  await writeOverlay(path, disks[0], { virtualBytes: diskBytesOf(footing.size) });
  const argv = ["rebase", "-f", "qcow2", "-F", base.format, "-b", base.path, path];
  await runQemuImg(host, { argv, disks, written: path }, signal);
  await takeOver(path, undefined);
  await syncPath(path);
  await syncPath(layersDirectory(host.roots));
}

/** Twice as much as it can take: machines that run must not be held for it. */
async function checkRoom({ roots }: MergingHost, sizes: readonly number[]): Promise<void> {
  const neededBytes = 2 * sizes.reduce((sum, size) => sum + size, 0);
  const { freeBytes } = await freeSpace(layersDirectory(roots));
  if (freeBytes < neededBytes)
    throw new Error(`merging its layers would need up to ${neededBytes} bytes, and ${freeBytes} are free`);
}

/** The manifest may name it, although writing it down failed at its last step: then both stay, and the next start looks again. */
async function removeUnnamed({ roots }: MergingHost, kept: Kept, merged: string): Promise<void> {
  const manifest = await readManifest(keptPaths(roots, kept));
  if (manifest?.footing.layers.includes(merged) !== true) await rm(layerPath(roots, merged), { force: true });
}

async function bytesOf(path: string): Promise<number> {
  return (await stat(path)).blocks * bytesPerBlock;
}

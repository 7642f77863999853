/** What is kept of a machine takes on the disk: of its own, and of what it shares with others. */
import { stat } from "node:fs/promises";
import type { Kept, SavedSize } from "../../engine.js";
import { templateOf } from "../machine/footing.js";
import { layerPath, type Roots, sharedMemoryPath } from "../machine/machine-paths.js";
import { keptPaths, type Manifest } from "./kept.js";

const blockBytes = 512;

/** Of its disk and of each volume the layer on top is its own: it was made with it. Those below were there before, and others may stand on them. */
export async function sizeOfKept(roots: Roots, kept: Kept, { footing }: Manifest): Promise<SavedSize> {
  const paths = keptPaths(roots, kept);
  const chains = [footing.layers, ...(footing.volumes ?? []).map(({ frozen }) => frozen?.layers ?? [])];
  const tops = chains.flatMap(([top]) => (top === undefined ? [] : [layerPath(roots, top)]));
  const below = chains.flatMap(([, ...lower]) => lower.map((layer) => layerPath(roots, layer)));
  const template = templateOf(roots, footing);
  const shared = footing.memory.kind === "shared" ? [sharedMemoryPath(roots, footing.memory.id)] : [];
  const own = [paths.manifest, paths.memory, paths.state, ...tops];
  return {
    ownBytes: await bytesOf(own),
    sharedBytes: await bytesOf([
      ...below,
      ...shared,
      template.memory,
      template.state,
      template.disk,
      footing.image.path,
    ]),
  };
}

/** As the file system counts: holes take nothing. What is not there takes nothing either. */
async function bytesOf(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ blocks }) => blocks * blockBytes,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

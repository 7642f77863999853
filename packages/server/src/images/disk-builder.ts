/** Layers as a disk: what images want of an engine's builder, in the engines' own shape (engines/engine.ts, `DiskBuilder`). */
import type { RunOptions } from "../host/run.js";
import { syncPath } from "../host/write-durably.js";
import { makeEmptyDisk } from "./disk.js";

/** One layer: a tar that is not compressed. */
export type Layer = AsyncIterable<Uint8Array>;

export interface DiskBuilder extends AsyncDisposable {
  apply(layer: Layer, signal: AbortSignal): Promise<{ readonly entries: number; readonly bytes: number }>;
  finish(signal: AbortSignal): Promise<{ readonly files: number; readonly bytes: number }>;
}

/** Starts a builder on a raw image that holds an empty file system. */
export type OpenDiskBuilder = (diskPath: string, signal: AbortSignal) => Promise<DiskBuilder>;

/** What a disk holds. */
export interface LayeredDisk {
  readonly files: number;
  readonly bytes: number;
}

export interface LayerOptions extends RunOptions {
  readonly signal: AbortSignal;
  readonly onLayer?: (index: number, unpacked: { readonly entries: number; readonly bytes: number }) => void;
}

/** Makes a disk of layers, the lowest first. The id names its layout, as blocks may lie differently each time. */
export async function makeLayeredDisk(
  disk: { readonly path: string; readonly fileSystemId: string },
  layers: Iterable<Layer> | AsyncIterable<Layer>,
  openBuilder: OpenDiskBuilder,
  options: LayerOptions,
): Promise<LayeredDisk> {
  const { signal, onLayer } = options;
  await makeEmptyDisk(disk, options);
  const used = await fill(disk.path, layers, openBuilder, { signal, ...(onLayer && { onLayer }) });
  await syncPath(disk.path);
  return used;
}

async function fill(
  path: string,
  layers: Iterable<Layer> | AsyncIterable<Layer>,
  openBuilder: OpenDiskBuilder,
  { signal, onLayer }: Pick<LayerOptions, "signal" | "onLayer">,
): Promise<LayeredDisk> {
  await using builder = await openBuilder(path, signal);
  let index = 0;
  for await (const layer of layers) {
    const unpacked = await builder.apply(layer, signal);
    onLayer?.(index++, unpacked);
  }
  return await builder.finish(signal);
}

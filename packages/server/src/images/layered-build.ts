/** Layers to a content: every byte is checked first, so that nobody comes to a disk whose layers they do not have; then the disk. */
import { createHash, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { type Contents, diskName } from "./contents.js";
import { allocatedBytes } from "./disk.js";
import { type Layer, makeLayeredDisk, type OpenDiskBuilder } from "./disk-builder.js";
import type { BuildOptions, Content } from "./image.js";
import { layerStream } from "./oci/layer-stream.js";
import type { LayeredImage, LayerSource } from "./oci/layered-image.js";
import { requireRoom, whileRoom } from "./room.js";
import { openPlainWorkplace, type PlainWorkplace } from "./workplace.js";

/** Reads all layers; a wrong digest, a broken or endless one is found here, before there is a machine. */
export async function checkLayers(image: LayeredImage, options: BuildOptions): Promise<void> {
  for (const [index, layer] of image.layers.entries()) {
    const message = `Checking layer ${index + 1} of ${image.layers.length}`;
    options.onStep({ message, progress: 0.5 + (0.1 * index) / image.layers.length });
    let bytes = 0;
    for await (const chunk of layerStream(layer, options)) bytes += chunk.length;
    options.onLine(`layer ${layer.diffId}: ${bytes} bytes`);
  }
}

export interface LayeredBuild {
  readonly contents: Contents;
  readonly key: string;
  readonly openDisk: OpenDiskBuilder | undefined;
  /** Free space that has to be left. */
  readonly spareBytes: number;
}

/** A build that fails or is aborted leaves nothing behind. */
export async function buildLayered(build: LayeredBuild, image: LayeredImage, options: BuildOptions): Promise<Content> {
  const { contents, key, openDisk, spareBytes } = build;
  if (openDisk === undefined) throw noBuilder();
  await using place = await openPlainWorkplace(contents.directory);
  await requireRoom(place.directory, spareBytes, "Making the image's disk");
  const folder = join(place.directory, "image");
  await mkdir(folder, { mode: 0o755 });
  const disk = { path: join(folder, diskName), fileSystemId: randomUUID() };
  const { signal, onLine, onStep } = options;
  const { onStart } = place;
  onStep({ message: "Starting the builder", progress: 0.6 });
  const used = await makeLayeredDisk(disk, streams(image, { build, place, options }), openDisk, {
    ...{ signal, onLine, onStart },
    onLayer: (index, { entries, bytes }) => onLine(`unpacked layer ${index + 1}: ${entries} entries, ${bytes} bytes`),
  });
  onLine(`the disk holds ${used.files} files, ${used.bytes} bytes`);
  signal.throwIfAborted();
  return await contents.adopt(folder, {
    key,
    digest: createHash("sha256")
      .update(JSON.stringify([key, disk.fileSystemId]))
      .digest("hex"),
    builtAt: new Date().toISOString(),
    sizeBytes: await allocatedBytes(disk.path),
    warm: [],
    parts: image.layers.map(({ diffId }) => diffId),
  });
}

function* streams(
  { layers }: LayeredImage,
  around: { readonly build: LayeredBuild; readonly place: PlainWorkplace; readonly options: BuildOptions },
): Generator<Layer> {
  const { build, place, options } = around;
  for (const [index, layer] of layers.entries()) {
    const message = `Unpacking layer ${index + 1} of ${layers.length}`;
    options.onStep({ message, progress: 0.62 + (0.36 * index) / layers.length });
    yield stream(layer, { build, place, signal: options.signal });
  }
  options.onStep({ message: "Finishing the disk", progress: 0.98 });
}

function stream(
  layer: LayerSource,
  {
    build,
    place,
    signal,
  }: { readonly build: LayeredBuild; readonly place: PlainWorkplace; readonly signal: AbortSignal },
): Layer {
  const { spareBytes } = build;
  const chunks = layerStream(layer, { signal, onStart: place.onStart });
  return whileRoom(chunks, { path: place.directory, spareBytes, what: "Unpacking the image" });
}

function noBuilder(): AlcoveError {
  return new AlcoveError("EngineUnavailable", "The engine of this daemon cannot make images of layers.", {
    hint: "Use the microvm engine, or an image of the catalogue that is made by a recipe.",
  });
}

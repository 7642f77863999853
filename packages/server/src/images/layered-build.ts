/** Layers to a content: every byte is checked first, so that nobody comes to a disk whose layers they do not have; then the disk. */
import { makeContent, type Workbench } from "./content-build.js";
import type { BuildOptions, Content } from "./image.js";
import { layerStream } from "./oci/layer-stream.js";
import type { LayeredImage } from "./oci/layered-image.js";
import { openPlainWorkplace } from "./workplace.js";

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

/** A build that fails or is aborted leaves nothing behind. */
export async function buildLayered(
  bench: Workbench,
  { key, image }: { readonly key: string; readonly image: LayeredImage },
  options: BuildOptions,
): Promise<Content> {
  await using place = await openPlainWorkplace(bench.contents.directory);
  const { signal } = options;
  const { onStart } = place;
  const layers = image.layers.map((layer) => () => layerStream(layer, { signal, onStart }));
  const parts = image.layers.map(({ diffId }) => diffId);
  // Awaited here: the disk lies in the place that goes with this scope.
  return await makeContent(bench, place, { key, warm: [], parts, layers, progress: 0.6 }, options);
}

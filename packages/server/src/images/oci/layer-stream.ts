/**
 * A layer's tar out of its bytes, checked while it flows: the bytes have the size and digest that the manifest says, what
 * they unpack to has the diffID that the config says, and is not more than a disk holds. The last check comes before the end.
 */
import { createHash } from "node:crypto";
import { AlcoveError, grid } from "@alcove/contract";
import { type DecompressOptions, decompressed } from "./decompress.js";
import { bad } from "./documents.js";
import type { LayerSource } from "./layered-image.js";

/** A layer cannot hold more than the disk that it is unpacked onto. */
export const maximumLayerBytes = grid.diskMiB[0] * 1_048_576;

export interface LayerStreamOptions extends DecompressOptions {
  readonly limitBytes?: number;
}

export async function* layerStream(
  layer: LayerSource,
  { limitBytes = maximumLayerBytes, ...options }: LayerStreamOptions,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of decompressed(compressedBytes(layer), options)) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw tooLarge(limitBytes);
    hash.update(chunk);
    yield chunk;
  }
  const seen = `sha256:${hash.digest("hex")}`;
  if (seen !== layer.diffId) throw bad(`A layer unpacks to ${seen}; the image's config says ${layer.diffId}.`);
}

async function* compressedBytes(layer: LayerSource): AsyncGenerator<Uint8Array> {
  const hash = layer.digest === undefined ? undefined : createHash("sha256");
  let bytes = 0;
  for await (const chunk of layer.open()) {
    bytes += chunk.length;
    if (layer.size !== undefined && bytes > layer.size) throw bad(`A layer has more than its ${layer.size} bytes.`);
    hash?.update(chunk);
    yield chunk;
  }
  if (layer.size !== undefined && bytes !== layer.size)
    throw bad(`A layer has ${bytes} bytes; its manifest says ${layer.size}.`);
  const seen = hash && `sha256:${hash.digest("hex")}`;
  if (seen !== layer.digest) throw bad(`A layer has the digest ${seen}; its manifest says ${layer.digest}.`);
}

function tooLarge(limitBytes: number): AlcoveError {
  const gibibytes = (limitBytes / 2 ** 30).toFixed(1);
  return new AlcoveError("InvalidRequest", `A layer unpacks to more than ${gibibytes} GiB, which no disk holds.`, {
    hint: "Use a smaller image.",
  });
}

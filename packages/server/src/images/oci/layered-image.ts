/** An image as layers, wherever they lie: what every source comes to before it becomes a disk. */
import { createHash } from "node:crypto";
import type { ImageConfig, ImageSource } from "@alcove/contract";

export interface LayeredImage {
  readonly config: ImageConfig;
  readonly source: ImageSource;
  /** The lowest first. */
  readonly layers: readonly LayerSource[];
}

export interface LayerSource {
  /** sha256 of the layer as a tar that is not compressed: `sha256:…`. */
  readonly diffId: string;
  /** sha256 and size of the bytes that `open` gives, where the source says so. */
  readonly digest?: string;
  readonly size?: number;
  /** The bytes, compressed or not. */
  open(): AsyncIterable<Uint8Array>;
}

/** Goes up when the same layers begin to make a different disk. */
const builderVersion = 1;

/** The key of the content that the layers make. */
export function contentKey({ layers }: Pick<LayeredImage, "layers">): string {
  const origin = JSON.stringify({ builderVersion, layers: layers.map(({ diffId }) => diffId) });
  return createHash("sha256").update(origin).digest("hex");
}

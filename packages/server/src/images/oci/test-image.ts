/** Images made in memory, for tests: as OCI and Docker write them, whole or with a lie in them. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type LayerEntry, layerOf } from "../../engines/suite/layers.js";
import { hostArchitecture } from "./platform.js";

export interface MadeImage {
  readonly manifest: Buffer;
  readonly manifestDigest: string;
  readonly config: Buffer;
  /** Every blob by its digest, config and layers. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  /** Not compressed. */
  readonly layers: readonly Buffer[];
}

export interface ImageParts {
  readonly layers: readonly Buffer[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly compress?: (layer: Buffer) => Buffer;
  /** Of the config, instead of the layers' own. */
  readonly diffIds?: readonly string[];
  /** Changes what the manifest says about a layer. */
  readonly describe?: (layer: { digest: string; size: number }) => { digest: string; size: number };
}

export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const indexType = "application/vnd.oci.image.index.v1+json";

export function makeImage(parts: ImageParts): MadeImage {
  const { layers, compress = gzipSync, describe = (layer) => layer } = parts;
  const config = Buffer.from(
    JSON.stringify({
      architecture: parts.architecture ?? hostArchitecture,
      os: "linux",
      config: parts.config ?? {},
      rootfs: { type: "layers", diff_ids: parts.diffIds ?? layers.map(digestOf) },
    }),
  );
  const packed = layers.map((layer) => compress(layer));
  const described = packed.map((layer) => describe({ digest: digestOf(layer), size: layer.length }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: config.length },
      layers: described.map((layer) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...layer })),
    }),
  );
  const blobs = new Map([config, ...packed].map((blob) => [digestOf(blob), blob]));
  return { manifest, manifestDigest: digestOf(manifest), config, blobs, layers };
}

/** One tag for several kinds of machine. */
export function makeIndex(images: readonly { readonly image: MadeImage; readonly architecture: string }[]): Buffer {
  const manifests = images.map(({ image, architecture }) => ({
    ...{ mediaType: manifestType, digest: image.manifestDigest, size: image.manifest.length },
    platform: { os: "linux", architecture },
  }));
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
}

/** An OCI layout in a tar. */
export function ociArchive(image: MadeImage, extra: readonly LayerEntry[] = []): Buffer {
  const descriptor = { mediaType: manifestType, digest: image.manifestDigest, size: image.manifest.length };
  return layerOf(
    { path: "oci-layout", content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: "index.json", content: JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }) },
    blobEntry(image.manifestDigest, image.manifest),
    ...[...image.blobs].map(([digest, blob]) => blobEntry(digest, blob)),
    ...extra,
  );
}

/** What `docker save` writes. */
export function dockerArchive(image: MadeImage): Buffer {
  const names = image.layers.map((layer) => `${digestOf(layer).slice(7)}/layer.tar`);
  return layerOf(
    ...image.layers.map((content, index) => ({ path: names[index] ?? "", content })),
    { path: "config.json", content: image.config },
    { path: "linked/layer.tar", kind: "2", target: `../${names[0]}` },
    {
      path: "manifest.json",
      content: JSON.stringify([
        { Config: "config.json", RepoTags: ["tools:1"], Layers: ["linked/layer.tar", ...names.slice(1)] },
      ]),
    },
  );
}

function blobEntry(digest: string, content: Buffer): LayerEntry {
  return { path: `blobs/${digest.replace(":", "/")}`, content };
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

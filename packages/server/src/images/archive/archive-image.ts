/** An image out of an archive: an OCI layout in a tar, or what `docker save` writes; told apart by what is in it. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import {
  bad,
  type Descriptor,
  DockerManifest,
  Index,
  imageConfigOf,
  Manifest,
  maximumDocumentBytes,
  parseConfig,
  parseDocument,
} from "../oci/documents.js";
import { maximumLayerBytes } from "../oci/layer-stream.js";
import type { LayeredImage } from "../oci/layered-image.js";
import { chooseForHost } from "../oci/platform.js";
import { indexTar, type TarPart } from "./tar-index.js";

const maximumNesting = 4;

/** Reads the archive's documents; its layers are read when the disk is made. */
export async function readArchiveImage(path: string): Promise<LayeredImage> {
  const archive = new Archive(path, await indexTar(path));
  if (archive.has("oci-layout") && archive.has("index.json")) return readOciLayout(archive);
  if (archive.has("manifest.json")) return readDockerArchive(archive);
  throw new AlcoveError("InvalidRequest", "The archive is no image: it has neither oci-layout nor manifest.json.", {
    hint: "Send what `docker save` or `skopeo copy … oci-archive:` writes; a root file system needs format=tar.",
  });
}

class Archive {
  readonly #path: string;
  readonly #find: (name: string) => TarPart | undefined;

  constructor(path: string, find: (name: string) => TarPart | undefined) {
    this.#path = path;
    this.#find = find;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  part(name: string): TarPart {
    const part = this.#find(name);
    if (part === undefined) throw bad(`The archive lacks ${name.slice(0, 200)}.`);
    return part;
  }

  async text(name: string): Promise<string> {
    const { offset, size } = this.part(name);
    if (size > maximumDocumentBytes) throw bad(`${name.slice(0, 200)} in the archive is too large.`);
    await using file = await open(this.#path, "r");
    const { buffer } = await file.read(Buffer.alloc(size), 0, size, offset);
    return buffer.toString("utf8");
  }

  /** A document named by its digest. */
  async blob({ digest }: Descriptor): Promise<string> {
    const text = await this.text(blobName(digest));
    const seen = `sha256:${createHash("sha256").update(text).digest("hex")}`;
    if (seen !== digest) throw bad(`A document in the archive has the digest ${seen} where ${digest} is said.`);
    return text;
  }

  stream({ offset, size }: TarPart): AsyncIterable<Uint8Array> {
    if (size === 0) return emptyStream();
    return createReadStream(this.#path, { start: offset, end: offset + size - 1, highWaterMark: 1_048_576 });
  }
}

async function* emptyStream(): AsyncGenerator<Uint8Array> {}

async function readOciLayout(archive: Archive): Promise<LayeredImage> {
  const manifest = await ociManifest(archive, parseDocument(Index, "index.json", await archive.text("index.json")), 0);
  const config = parseConfig(await archive.blob(manifest.config), manifest.layers.length);
  return {
    config: imageConfigOf(config),
    source: { kind: "archive" },
    layers: manifest.layers.map(({ digest, size }, index) => {
      const part = archive.part(blobName(digest));
      if (size > maximumLayerBytes) throw bad("A layer is larger than any disk.");
      return { diffId: config.rootfs.diff_ids[index] ?? "", digest, size, open: () => archive.stream(part) };
    }),
  };
}

/** An index may name an index: several kinds of machine under one name. */
async function ociManifest(archive: Archive, { manifests }: Index, depth: number): Promise<Manifest> {
  if (depth > maximumNesting) throw bad("The archive's indexes lead from one to another without end.");
  const [first] = manifests;
  if (first === undefined) throw bad("The archive's index names no image.");
  const images = manifests.filter(({ platform }) => platform === undefined);
  if (images.length > 1 && images.length === manifests.length) throw several(images.map(nameOf));
  const chosen = manifests.length === 1 ? first : chooseForHost(manifests, "The archive");
  const text = await archive.blob(chosen);
  if (!/"manifests"\s*:/.test(text)) return parseDocument(Manifest, "The image's manifest", text);
  return ociManifest(archive, parseDocument(Index, "The archive's index", text), depth + 1);
}

async function readDockerArchive(archive: Archive): Promise<LayeredImage> {
  const images = parseDocument(DockerManifest, "manifest.json", await archive.text("manifest.json"));
  const [image] = images;
  if (image === undefined) throw bad("The archive's manifest.json names no image.");
  if (images.length > 1) throw several(images.map(({ RepoTags }) => RepoTags?.[0]));
  const config = parseConfig(await archive.text(image.Config), image.Layers.length);
  return {
    config: imageConfigOf(config),
    source: { kind: "archive" },
    layers: image.Layers.map((name, index) => {
      const part = archive.part(name);
      return { diffId: config.rootfs.diff_ids[index] ?? "", size: part.size, open: () => archive.stream(part) };
    }),
  };
}

function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function nameOf({ annotations }: Descriptor): string | undefined {
  return annotations?.["org.opencontainers.image.ref.name"];
}

function several(names: readonly (string | undefined)[]): AlcoveError {
  const known = names.map((name) => name ?? "one without a name").join(", ");
  return new AlcoveError("InvalidRequest", `The archive holds several images: ${known.slice(0, 400)}.`, {
    hint: "Save one image only.",
  });
}

/**
 * Pulls an image: the manifest first, which says how much is to come, then everything into the workplace. Whoever pulls has
 * shown with its own credentials that it may have every byte; only then is it asked whether the disk is there already.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError, type RegistryCredentials } from "@alcove/contract";
import type { BuildStep } from "../build-progress.js";
import {
  bad,
  type Descriptor,
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
import { requireRoom } from "../room.js";
import type { PlainWorkplace } from "../workplace.js";
import { watchArrival } from "./arrival.js";
import { locationOf, parseReference, type Reference } from "./reference.js";
import { admitRegistry, type RegistrySettings } from "./registry-rules.js";
import { Skopeo } from "./skopeo.js";

export interface PullOrder {
  readonly imageUrl: string;
  readonly credentials?: RegistryCredentials;
  /** May reach what listens on this host alone. */
  readonly isAdministrators?: boolean;
}

export interface PullOptions {
  readonly settings: RegistrySettings;
  readonly place: PlainWorkplace;
  readonly signal: AbortSignal;
  readonly onStep: (step: BuildStep) => void;
  readonly onLine: (line: string) => void;
  /** Free space that has to be left. */
  readonly spareBytes: number;
}

/** The manifest that a reference comes to on this host, and how it was reached. */
export interface Located {
  readonly skopeo: Skopeo;
  readonly reference: Reference;
  readonly manifest: Manifest;
  readonly manifestDigest: string;
}

/** Asks the registry what there is; nothing is fetched but documents. */
export async function locate(order: PullOrder, options: PullOptions): Promise<Located> {
  const { settings, place, signal, onLine, onStep } = options;
  const { defaultRegistry, certificates } = settings;
  onStep({ message: "Asking the registry", progress: 0 });
  const reference = parseReference(order.imageUrl, defaultRegistry);
  const { registry } = reference;
  const { isAdministrators = false } = order;
  const { verifyTls } = await admitRegistry(registry, settings, { signal, isAdministrators });
  const skopeo = await Skopeo.open({
    ...{ registry, verifyTls, directory: place.directory, onStart: place.onStart, onLine },
    ...(order.credentials && { credentials: order.credentials }),
    ...(certificates !== undefined && { certificates }),
  });
  const text = await skopeo.manifest(locationOf(reference), signal);
  const { text: own, digest } = await ownManifest(skopeo, reference, { text, signal });
  onLine(`manifest ${digest}`);
  const manifest = parseDocument(Manifest, "The image's manifest", own);
  return { skopeo, reference, manifest, manifestDigest: digest };
}

/** An index names one manifest for each kind of machine. */
async function ownManifest(
  skopeo: Skopeo,
  reference: Reference,
  { text, signal }: { readonly text: string; readonly signal: AbortSignal },
): Promise<{ readonly text: string; readonly digest: string }> {
  const digest = digestOf(text);
  if (reference.digest !== undefined && digest !== reference.digest) throw notAsAsked(reference.digest, digest);
  if (!looksLikeIndex(text)) return { text, digest };
  const { manifests } = parseDocument(Index, "The image's index", text);
  const chosen = chooseForHost(manifests, `${reference.registry}/${reference.repository}`);
  const own = await skopeo.manifest(locationOf({ ...reference, digest: chosen.digest }), signal);
  if (digestOf(own) !== chosen.digest) throw notAsAsked(chosen.digest, digestOf(own));
  return { text: own, digest: chosen.digest };
}

/** Fetches everything that the manifest names. */
export async function fetchImage(located: Located, order: PullOrder, options: PullOptions): Promise<LayeredImage> {
  const { skopeo, reference, manifest, manifestDigest } = located;
  const { place, signal, onStep, onLine } = options;
  const blobs = distinct([manifest.config, ...manifest.layers]);
  const expectedBytes = blobs.reduce((sum, { size }) => sum + size, 0);
  refuseSizes(blobs);
  await requireRoom(place.directory, expectedBytes + options.spareBytes, "Pulling the image");
  const directory = join(place.directory, "pulled");
  await mkdir(directory, { mode: 0o700 });
  onLine(`${manifest.layers.length} layers, ${expectedBytes} bytes`);
  const location = locationOf({ ...reference, digest: manifestDigest });
  await watchArrival((workSignal) => skopeo.copy(location, directory, workSignal), {
    ...{ directory, expectedBytes, signal, from: `The registry ${reference.registry}` },
    onBytes: (bytes) => onStep(fetching(bytes, expectedBytes)),
  });
  return layered({ directory, manifest, manifestDigest, imageUrl: order.imageUrl });
}

function fetching(bytes: number, expectedBytes: number): BuildStep {
  const share = expectedBytes === 0 ? 1 : Math.min(1, bytes / expectedBytes);
  const mebibytes = (count: number) => (count / 2 ** 20).toFixed(1);
  return { message: `Pulling ${mebibytes(bytes)} of ${mebibytes(expectedBytes)} MiB`, progress: share * 0.5 };
}

async function layered(pulled: {
  readonly directory: string;
  readonly manifest: Manifest;
  readonly manifestDigest: string;
  readonly imageUrl: string;
}): Promise<LayeredImage> {
  const { directory, manifest, manifestDigest, imageUrl } = pulled;
  const pathOf = ({ digest }: Descriptor) => join(directory, digest.slice("sha256:".length));
  const text = await readDocument(pathOf(manifest.config), manifest.config);
  const config = parseConfig(text, manifest.layers.length);
  return {
    config: imageConfigOf(config),
    source: { kind: "registry", imageUrl, manifestDigest },
    layers: manifest.layers.map((layer, index) => ({
      diffId: config.rootfs.diff_ids[index] ?? "",
      digest: layer.digest,
      size: layer.size,
      open: () => createReadStream(pathOf(layer), { highWaterMark: 1_048_576 }),
    })),
  };
}

async function readDocument(path: string, { digest }: Descriptor): Promise<string> {
  if ((await stat(path)).size > maximumDocumentBytes) throw bad("The image's config is too large.");
  const text = await readFile(path, "utf8");
  if (digestOf(text) !== digest) throw notAsAsked(digest, digestOf(text));
  return text;
}

function refuseSizes(blobs: readonly Descriptor[]): void {
  const [config] = blobs;
  if (config !== undefined && config.size > maximumDocumentBytes) throw bad("The image's config is too large.");
  if (blobs.some(({ size }) => size > maximumLayerBytes)) throw bad("A layer is larger than any disk.");
}

function distinct(blobs: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

function looksLikeIndex(text: string): boolean {
  try {
    return Array.isArray((JSON.parse(text) as { manifests?: unknown }).manifests);
  } catch {
    return false;
  }
}

function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function notAsAsked(wanted: string, seen: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The registry gave ${seen} where ${wanted} was asked for.`, {
    hint: "Do not trust this registry; pull the image from another one.",
  });
}

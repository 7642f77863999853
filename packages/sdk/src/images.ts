/** What sandboxes start from: the group's own images, and the catalogue that every group may use. */
import {
  AlcoveError,
  type CreateImage,
  createImage,
  deleteImage,
  getImage,
  type Image,
  type ImageFormat,
  listImages,
  listPublicImages,
  type PruneResult,
  prepareImage,
  pruneImages,
  writeImageContent,
} from "@alcove/contract";
import { packContext, packRoot } from "#platform";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import { labelSelector } from "./label-selector.js";
import type { Scope } from "./scope.js";
import type { Chunks } from "./transport.js";
import { until } from "./until.js";

export interface PrepareOptions extends Abortable {
  /** Called with every change while it is built. */
  readonly onProgress?: ((image: Image) => void) | undefined;
  /** The catalogue's, whatever the group has. */
  readonly isPublic?: boolean | undefined;
}

export interface PullOptions extends Omit<PrepareOptions, "isPublic"> {
  /** The image's name here; default: the reference without host and digest. */
  readonly name?: string | undefined;
  /** Used for this pull alone. */
  readonly credentials?: { readonly username: string; readonly token: string } | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Instead of the image's own. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
}

export interface ImportOptions extends Omit<PrepareOptions, "isPublic"> {
  /** archive: OCI's or docker's (default). tar: a root file system. */
  readonly format?: Exclude<ImageFormat, "dockerfile"> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface ImportDirectoryOptions extends Omit<ImportOptions, "format"> {
  /** Whose the files are in the image: root's (default), or as on this machine. */
  readonly owners?: "root" | "keep" | undefined;
}

export interface BuildImageOptions extends Omit<PrepareOptions, "isPublic"> {
  /** The Dockerfile's path in the context; default Dockerfile. */
  readonly dockerfile?: string | undefined;
  /** The stage to build; default the last. */
  readonly target?: string | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface ListImagesOptions extends Abortable {
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface PruneOptions extends ListImagesOptions {
  readonly olderThanSeconds?: number | undefined;
}

const pageLength = 1_000;

export class Images {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** The group's own, newest first. */
  async list({ labels, signal }: ListImagesOptions = {}): Promise<Image[]> {
    const { transport, params } = this.#scope;
    const found: Image[] = [];
    for (let page = 1; ; page += 1) {
      const query = { page, pageSize: pageLength, labels: labelSelector(labels) };
      const images = await call(transport, listImages, { params, query, signal });
      found.push(...images);
      if (images.length < pageLength) return found;
    }
  }

  /** The catalogue. */
  listPublic({ signal }: Abortable = {}): Promise<Image[]> {
    const { transport, params } = this.#scope;
    return call(transport, listPublicImages, { params, signal });
  }

  /** One image, with the log of its build: the group's own, else the catalogue's. */
  get(
    name: string,
    { signal, isPublic }: Abortable & { readonly isPublic?: boolean | undefined } = {},
  ): Promise<Image> {
    const { transport, params } = this.#scope;
    return call(transport, getImage, { params: { ...params, name }, query: { isPublic }, signal });
  }

  /** Pulls an image from a registry and waits until it is ready. ImageNotReady when that fails. */
  async pull(imageUrl: string, options: PullOptions = {}): Promise<Image> {
    const { name = defaultName(imageUrl), credentials, labels, entrypoint, cmd, ...waiting } = options;
    const { transport, params } = this.#scope;
    const authentication = credentials && { registryCredentials: credentials };
    const body: CreateImage = {
      name,
      source: { kind: "registry", imageUrl, ...(authentication && { authentication }) },
      ...(labels && { labels }),
      ...(entrypoint && { entrypoint: [...entrypoint] }),
      ...(cmd && { cmd: [...cmd] }),
    };
    await call(transport, createImage, { params, body, signal: waiting.signal });
    return this.waitUntilReady(name, waiting);
  }

  /** Makes an image of an archive's bytes, or of a root file system's, and waits until it is ready. */
  async import(name: string, content: Uint8Array | Chunks, options: ImportOptions = {}): Promise<Image> {
    const { format, labels, ...waiting } = options;
    const { transport, params } = this.#scope;
    const request = { params: { ...params, name }, query: { format, labels: labelSelector(labels) }, body: content };
    await call(transport, writeImageContent, { ...request, signal: waiting.signal });
    return this.waitUntilReady(name, waiting);
  }

  /** Makes an image of a directory of this machine, as the root file system; only in Node. */
  async importDirectory(name: string, directory: string, options: ImportDirectoryOptions = {}): Promise<Image> {
    const { owners = "root", ...rest } = options;
    return this.import(name, await packRoot(directory, owners), { ...rest, format: "tar" });
  }

  /**
   * Builds a Dockerfile, and waits until the image is ready. The context is a directory of this machine (only in Node), without
   * what its .dockerignore leaves out, or a tar. ImageNotReady with the last lines of the step that failed.
   */
  async build(name: string, context: string | Uint8Array | Chunks, options: BuildImageOptions = {}): Promise<Image> {
    const { dockerfile, target, buildArgs, labels, ...waiting } = options;
    const { transport, params } = this.#scope;
    const body = typeof context === "string" ? await packContext(context, dockerfile ?? "Dockerfile") : context;
    const args = buildArgs === undefined ? undefined : JSON.stringify(buildArgs);
    const query = { format: "dockerfile", dockerfile, target, buildArgs: args, labels: labelSelector(labels) } as const;
    await call(transport, writeImageContent, { params: { ...params, name }, query, body, signal: waiting.signal });
    return this.waitUntilReady(name, waiting);
  }

  /** Builds an image of the catalogue, if it is not built, and any image's template, and waits until it is ready. */
  async prepare(name: string, options: PrepareOptions = {}): Promise<Image> {
    const { transport, params } = this.#scope;
    const query = { isPublic: options.isPublic };
    const request = { params: { ...params, name }, query, body: {}, signal: options.signal };
    const image = await call(transport, prepareImage, request);
    return image.state === "Ready" ? image : this.waitUntilReady(name, { ...options, isPublic: image.isPublic });
  }

  /** ImageInUse while sandboxes stand on it. One that is gone counts as deleted. */
  async delete(name: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#scope;
    await call(transport, deleteImage, { params: { ...params, name }, signal });
  }

  /** Deletes the group's images that no sandbox uses. */
  prune({ labels, olderThanSeconds, signal }: PruneOptions = {}): Promise<PruneResult> {
    const { transport, params } = this.#scope;
    const body = { ...(labels && { labels }), ...(olderThanSeconds !== undefined && { olderThanSeconds }) };
    return call(transport, pruneImages, { params, body, signal });
  }

  /** Waits for an image whose build is under way. ImageNotReady when it fails; a state of Missing is waited out, as somebody may build it. */
  async waitUntilReady(name: string, { signal, onProgress, isPublic }: PrepareOptions = {}): Promise<Image> {
    let told: string | undefined;
    const isMeant = (image: Image) => image.name === name && (isPublic === undefined || image.isPublic === isPublic);
    const image = await until<Image>({
      scope: this.#scope,
      read: (turn) => this.get(name, { signal: turn, isPublic }),
      pick: (event) => (event.type === "image.changed" && isMeant(event.image) ? event.image : undefined),
      isFulfilled(seen) {
        const now = `${seen.state} ${seen.progress} ${seen.message}`;
        if (now !== told) onProgress?.(seen);
        told = now;
        return seen.state === "Ready" || seen.state === "Failed";
      },
      signal: signal ?? new AbortController().signal,
    });
    if (image.state === "Failed") throw failure(await this.get(name, { signal, isPublic }));
    // A hint at a Ready image: the newest build failed, and the disk of before is kept.
    if (image.hint !== undefined) throw failure(image);
    return image;
  }
}

function failure({ name, message, hint, log }: Image): AlcoveError {
  // A message of several lines has the end of the log in it.
  const end = message.includes("\n") ? "" : (log?.trimEnd().split("\n").slice(-5).join("\n") ?? "");
  const detail = `The image ${name} could not be built: ${message}${end && `\n${end}`}`;
  return new AlcoveError("ImageNotReady", detail, hint === undefined ? {} : { hint });
}

/** Of `registry.example.com:5000/team/tools:1.2` that is `team/tools:1.2`. */
function defaultName(imageUrl: string): string {
  const withoutDigest = imageUrl.replace(/@.*$/, "");
  const [first = "", ...rest] = withoutDigest.split("/");
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return hasHost ? rest.join("/") : withoutDigest;
}

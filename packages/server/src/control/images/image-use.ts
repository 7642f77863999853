/** The image that a sandbox names: the group's own, else the catalogue's; built where it has to be, and taken. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type Image } from "@alcove/contract";
import type { DiskImage } from "../../engines/engine.js";
import type { CatalogueEntry } from "../../images/catalogue.js";
import type { Content, Images } from "../../images/image.js";
import { programOf } from "../../lifecycle/image-program.js";
import { type ImageRecord, publicGroup } from "../../store/images.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import type { Store } from "../../store/store.js";
import type { ImageBuilds, ImageName } from "./image-builds.js";
import type { ImageRegister } from "./image-register.js";
import { catalogueConfig, catalogueImage, sourceOf, toImage } from "./image-view.js";

/** A name as a group says it. */
export interface NamedImage extends ImageName {
  readonly isPublic: boolean;
}

interface Found {
  readonly content: Content;
  readonly config: Image["config"];
  readonly isPublic: boolean;
  readonly name: string;
}

export class ImageUse {
  readonly #store: Store;
  readonly #images: Images;
  readonly #builds: ImageBuilds;
  readonly #register: ImageRegister;

  constructor(parts: { store: Store; images: Images; builds: ImageBuilds; register: ImageRegister }) {
    this.#store = parts.store;
    this.#images = parts.images;
    this.#builds = parts.builds;
    this.#register = parts.register;
  }

  /** The image as it is now. ImageNotFound where neither the group nor the catalogue has the name. */
  async read(named: NamedImage): Promise<Image> {
    const own = this.own(named);
    if (own !== undefined) return this.#view(own);
    const entry = this.#entry(named);
    const record = this.#publicRecord(entry);
    if (record !== undefined) return this.#view(record, entry);
    return this.#withWayToIt(entry, catalogueImage(entry, await this.#recipeContent(entry)));
  }

  /** A name whose registry nobody has configured says so before anybody uses it. */
  #withWayToIt({ origin }: CatalogueEntry, image: Image): Image {
    if (image.state !== "Missing" || origin.kind !== "registry") return image;
    try {
      this.#images.checkReference(origin.imageUrl);
      return image;
    } catch (error) {
      if (!(error instanceof AlcoveError)) throw error;
      return { ...image, message: `Cannot be built yet: ${error.message}`, ...(error.hint && { hint: error.hint }) };
    }
  }

  /** The group's own image of this name. */
  own({ group, name, isPublic }: NamedImage): ImageRecord | undefined {
    return isPublic ? undefined : this.#store.images.find(group, name);
  }

  /** The disk, when it is there. Builds an image of the catalogue; waits for any build under way. */
  async ensure(named: NamedImage, signal: AbortSignal): Promise<DiskImage> {
    return disk(await this.#ensure(named, signal));
  }

  /** As `ensure`, with what the image says of itself. */
  async open(named: NamedImage, signal: AbortSignal): Promise<{ disk: DiskImage; config: Image["config"] }> {
    const found = await this.#ensure(named, signal);
    return { disk: disk(found), config: found.config };
  }

  /** As `ensure`, and from then on the sandbox stands on it: the record says so before the disk could be collected. */
  async take(sandbox: SandboxRecord, signal: AbortSignal): Promise<{ disk: DiskImage; record: SandboxRecord }> {
    if (sandbox.snapshotId !== undefined) return { disk: await this.standing(sandbox), record: sandbox };
    const { group, image: name, imageIsPublic: isPublic } = sandbox;
    const found = await this.#ensure({ group, name, isPublic }, signal);
    using _hold = this.#builds.hold(found.content.key);
    if ((await this.#images.find(found.content.key)) === undefined) throw gone(name);
    const program = programOf(sandbox.askedProgram, found.config);
    const hasProgram = program.entrypoint.length + program.cmd.length > 0;
    const taken = {
      ...program,
      ...{ isPublic: found.isPublic, key: found.content.key, config: found.config },
      entrypointExecId: hasProgram ? (sandbox.entrypointExecId ?? randomUUID()) : undefined,
    };
    this.#register.take(sandbox.id, taken);
    const { isPublic: imageIsPublic, key: imageKey, config: imageConfig, ...rest } = taken;
    return { disk: disk(found), record: { ...sandbox, ...rest, imageIsPublic, imageKey, imageConfig } };
  }

  /** The disk that it stands on: what the name meant then. The record keeps it from being collected. */
  async standing({ image, imageKey, snapshotId }: SandboxRecord): Promise<DiskImage> {
    // What came with an archive has all of its disk with it.
    if (imageKey === "" && snapshotId !== undefined) return { name: image, digest: "", path: "", warm: [] };
    const content = await this.#images.find(imageKey);
    if (content === undefined) throw gone(image);
    return disk({ content, name: image });
  }

  async #ensure(named: NamedImage, signal: AbortSignal): Promise<Found> {
    const own = this.own(named);
    if (own !== undefined) return this.#built(named, own, signal);
    const entry = this.#entry(named);
    const of = { group: publicGroup, name: entry.name };
    const record = this.#publicRecord(entry);
    if (record?.state === "Ready" || this.#builds.isRunning(of)) {
      const found = await this.#built(of, record, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        if (this.#builds.isRunning(of) || record?.state !== "Ready") throw error;
        return undefined;
      });
      if (found !== undefined) return found;
    }
    const content = await this.#recipeContent(entry);
    if (content !== undefined) return { content, config: catalogueConfig(entry), isPublic: true, name: entry.name };
    this.build(entry);
    return this.#built(of, undefined, signal);
  }

  /** Begins to build an image of the catalogue, unless that is under way. */
  build(entry: CatalogueEntry): void {
    const of = { group: publicGroup, name: entry.name };
    if (this.#builds.isRunning(of)) return;
    const { origin } = entry;
    const order = origin.kind === "registry" ? { ...origin, isAdministrators: true } : origin;
    this.#builds.begin({ ...of, labels: {}, fingerprint: entry.fingerprint, source: sourceOf(entry), order });
  }

  /** Waits for a build under way, then takes what the record says. */
  async #built(of: ImageName, seen: ImageRecord | undefined, signal: AbortSignal): Promise<Found> {
    if (this.#builds.isRunning(of)) await this.#builds.settled(of, signal);
    const record = this.#store.images.find(of.group, of.name) ?? seen;
    if (record === undefined) throw new AlcoveError("ImageNotFound", `The image ${of.name} was deleted meanwhile.`);
    if (record.state !== "Ready") throw notReady(record);
    const content = await this.#images.find(record.contentKey);
    if (content === undefined) throw gone(of.name);
    return { content, config: record.config, isPublic: of.group === publicGroup, name: of.name };
  }

  #entry({ name }: NamedImage): CatalogueEntry {
    const entry = this.#images.catalogue.get(name);
    if (entry !== undefined) return entry;
    const known = [...this.#images.catalogue.keys()].slice(0, 20).join(", ");
    throw new AlcoveError("ImageNotFound", `There is no image ${name}; the catalogue has: ${known}.`, {
      field: "image",
      value: name,
    });
  }

  /** What was built when the name meant something else does not count. */
  #publicRecord(entry: CatalogueEntry): ImageRecord | undefined {
    const record = this.#store.images.find(publicGroup, entry.name);
    return record?.fingerprint === entry.fingerprint ? record : undefined;
  }

  async #recipeContent({ origin }: CatalogueEntry): Promise<Content | undefined> {
    return origin.kind === "recipe" ? this.#images.find(origin.recipe.recipeDigest) : undefined;
  }

  #view(record: ImageRecord, entry?: CatalogueEntry): Image {
    const step = this.#builds.step(record);
    return toImage(record, { ...(step && { step }), ...(entry && { entry }) });
  }
}

function disk({ content, name }: Pick<Found, "content" | "name">): DiskImage {
  const { digest, path, warm } = content;
  return { name, digest, path, warm };
}

function notReady({ name, state, message, hint }: ImageRecord): AlcoveError {
  return new AlcoveError(
    "ImageNotReady",
    `The image ${name} is ${state}: ${message}`,
    hint === undefined ? {} : { hint },
  );
}

function gone(name: string): AlcoveError {
  return new AlcoveError("ImageNotReady", `The disk of the image ${name} is not there any more.`, {
    hint: "Pull or import the image again.",
  });
}

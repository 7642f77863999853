/** The images of this host: contents, and how each kind of source becomes one. */
import { AlcoveError } from "@alcove/contract";
import { RunError } from "../host/run.js";
import { SharedWork } from "../lib/shared-work.js";
import { receiveUpload, type Upload } from "./archive/receive.js";
import { buildRecipe } from "./build.js";
import { readCatalogue } from "./catalogue.js";
import type { Workbench } from "./content-build.js";
import { Contents } from "./contents.js";
import type { OpenDiskBuilder } from "./disk-builder.js";
import { takeDisk } from "./disk-content.js";
import { receiveContext } from "./dockerfile/build-context.js";
import { buildDockerfile, type DockerfileOrder } from "./dockerfile/dockerfile-build.js";
import {
  type BuildOptions,
  type BuiltImage,
  type Content,
  type ImageOrder,
  type Images,
  recipeConfig,
} from "./image.js";
import { buildLayered, checkLayers } from "./layered-build.js";
import { contentKey, type LayeredImage } from "./oci/layered-image.js";
import type { NamedRecipe } from "./recipe.js";
import { fetchImage, locate, type PullOptions } from "./registry/pull.js";
import { parseReference } from "./registry/reference.js";
import type { RegistrySettings } from "./registry/registry-rules.js";
import { openPlainWorkplace, sweepWorkplaces } from "./workplace.js";

export interface ImagesOptions {
  /** Where contents are kept: `<data>/images`. */
  readonly directory: string;
  /** Recipes and catalogue.json: `images/` of the checkout. */
  readonly recipesDirectory: string;
  /** The administrator's names. */
  readonly catalogueFile?: string;
  readonly registries?: RegistrySettings;
  /** How layers become a disk; without it nothing can be built. */
  readonly openDisk?: OpenDiskBuilder;
  /** Free space that every build leaves; none when left out. */
  readonly spareBytes?: number;
  /** How a recipe becomes a content; mmdebstrap and a builder when left out. */
  readonly buildRecipe?: (bench: Workbench, recipe: NamedRecipe, options: BuildOptions) => Promise<Content>;
}

export async function createImages(options: ImagesOptions): Promise<Images> {
  const { directory, recipesDirectory, catalogueFile, spareBytes = 0, registries } = options;
  const catalogue = await readCatalogue(recipesDirectory, catalogueFile);
  const contents = new Contents(directory);
  const workshop = new Workshop(contents, options);
  return {
    catalogue,
    find: (key) => contents.find(key),
    checkReference: (imageUrl) => void parseReference(imageUrl, registries?.defaultRegistry),
    receive: (content, format, signal) => receiveUpload(content, { directory, format, signal, spareBytes }),
    receiveContext: (content, request, signal) => receiveContext(content, request, { directory, signal, spareBytes }),
    build: (order, buildOptions) => workshop.build(order, buildOptions),
    collect: (isWanted) => contents.collect(isWanted),
    list: () => contents.list(),
    diskUse: () => contents.diskUse(),
    async sweep() {
      await contents.sweep();
      return sweepWorkplaces(directory);
    },
  };
}

class Workshop {
  readonly #contents: Contents;
  readonly #options: ImagesOptions;
  readonly #underWay = new SharedWork<string, Content>();
  readonly #bench: Workbench;

  constructor(contents: Contents, options: ImagesOptions) {
    const { openDisk, spareBytes = 0 } = options;
    this.#contents = contents;
    this.#options = options;
    this.#bench = { contents, openDisk, spareBytes };
  }

  async build(order: ImageOrder, options: BuildOptions): Promise<BuiltImage> {
    try {
      if (order.kind === "recipe") return await this.#recipe(order.recipe, options);
      if (order.kind === "registry") return await this.#pulled(order, options);
      if (order.kind === "dockerfile") return await this.#fromDockerfile(order, options);
      if (order.kind === "disk") return await takeDisk(this.#bench, order, options);
      return await this.#uploaded(order.upload, options);
    } catch (error) {
      throw options.signal.aborted ? options.signal.reason : explain(error);
    }
  }

  async #recipe(recipe: NamedRecipe, options: BuildOptions): Promise<BuiltImage> {
    const build = this.#options.buildRecipe ?? buildRecipe;
    const content = await this.#content(recipe.recipeDigest, options, (shared) => build(this.#bench, recipe, shared));
    return { content, config: recipeConfig(recipe), source: { kind: "recipe" } };
  }

  async #pulled(order: ImageOrder & { readonly kind: "registry" }, options: BuildOptions): Promise<BuiltImage> {
    const { registries = { insecure: [] }, spareBytes = 0 } = this.#options;
    await using place = await openPlainWorkplace(this.#contents.directory);
    const { signal, onStep, onLine } = options;
    const pull: PullOptions = { settings: registries, place, signal, onStep, onLine, spareBytes };
    const located = await locate(order, pull);
    const known = await order.known?.(located.manifestDigest);
    if (known !== undefined) options.onContent(known.content.key);
    if (known !== undefined && (await this.#contents.find(known.content.key)) !== undefined) return known;
    // Awaited here: the layers lie in the place that goes with this scope.
    return await this.#layered(await fetchImage(located, order, pull), options);
  }

  async #uploaded(upload: Upload, options: BuildOptions): Promise<BuiltImage> {
    await using _bytes = upload;
    return await this.#layered(upload.image, options);
  }

  async #fromDockerfile(order: DockerfileOrder, options: BuildOptions): Promise<BuiltImage> {
    const { registries = { insecure: [] }, spareBytes = 0 } = this.#options;
    const { directory } = this.#contents;
    await using _context = order.context;
    await using upload = await buildDockerfile({ directory, registries, spareBytes }, order, options);
    return { ...(await this.#layered(upload.image, options)), source: { kind: "dockerfile" } };
  }

  async #layered(image: LayeredImage, options: BuildOptions): Promise<BuiltImage> {
    await checkLayers(image, options);
    const key = contentKey(image);
    const content = await this.#content(key, options, (shared) => buildLayered(this.#bench, { key, image }, shared));
    return { content, config: image.config, source: image.source };
  }

  /** The content with this key; made where it is not there. */
  async #content(
    key: string,
    options: BuildOptions,
    make: (options: BuildOptions) => Promise<Content>,
  ): Promise<Content> {
    options.onContent(key);
    const present = await this.#contents.find(key);
    if (present !== undefined) return present;
    const makeOrFind = async (signal: AbortSignal) => (await this.#contents.find(key)) ?? make({ ...options, signal });
    return this.#underWay.run(key, makeOrFind, options.signal);
  }
}

function explain(error: unknown): unknown {
  if (!(error instanceof RunError)) return error;
  return new AlcoveError("ImageNotReady", error.message, {
    hint: "The image's log has the whole build.",
    cause: error,
  });
}

/** The images of this host: what each recipe's state is, and one build at a time of each. */
import { AlcoveError, type Image } from "@alcove/contract";
import { type BuildOptions, buildImage } from "./build.js";
import type { BuildStep } from "./build-progress.js";
import type { BuiltImage, Images } from "./image.js";
import { LogRing } from "./log-ring.js";
import { findImage, type StoredImage } from "./manifest.js";
import { type NamedRecipe, readRecipes } from "./recipe.js";
import { SharedBuild } from "./shared-build.js";
import { sweepWorkplaces } from "./workplace.js";

export interface ImagesOptions {
  /** Where built images are kept: `<data>/images`. */
  readonly directory: string;
  /** Where the recipes are: `images/` of the checkout. */
  readonly recipesDirectory: string;
  /** How a recipe becomes an image in the directory; mmdebstrap and mke2fs when left out. */
  readonly build?: (directory: string, recipe: NamedRecipe, options: BuildOptions) => Promise<void>;
}

export async function createImages(options: ImagesOptions): Promise<Images> {
  const recipes = await readRecipes(options.recipesDirectory);
  const listeners = new Set<(image: Image) => void>();
  const notify = (image: Image) => {
    for (const listener of listeners) listener(image);
  };
  const images = new Map([...recipes].map(([name, recipe]) => [name, new RecipeImage(recipe, options, notify)]));
  const named = (name: string) => images.get(name) ?? notFound(name, [...images.keys()]);
  return {
    list: async () => Promise.all([...images.values()].map((image) => image.read())),
    get: async (name) => named(name).readWithLog(),
    ensure: async (name, signal) => named(name).ensure(signal),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    sweep: () => sweepWorkplaces(options.directory),
  };
}

function notFound(name: string, known: readonly string[]): never {
  throw new AlcoveError("ImageNotFound", `There is no image ${name}; there are: ${known.join(", ")}.`, {
    field: "image",
    value: name,
  });
}

/** One recipe: its stored image, or the build under way, or how the last build failed. */
class RecipeImage {
  readonly #recipe: NamedRecipe;
  readonly #options: ImagesOptions;
  readonly #notify: (image: Image) => void;
  #log = new LogRing();
  #build: SharedBuild | undefined;
  #step: BuildStep | undefined;
  #failure: string | undefined;
  #found: StoredImage | undefined;

  constructor(recipe: NamedRecipe, options: ImagesOptions, notify: (image: Image) => void) {
    this.#recipe = recipe;
    this.#options = options;
    this.#notify = notify;
  }

  async ensure(signal: AbortSignal): Promise<BuiltImage> {
    const stored = await this.#stored();
    if (stored !== undefined) return this.#built(stored);
    if (this.#build?.isAbandoned) await this.#build.settled;
    this.#build ??= new SharedBuild((buildSignal) => this.#runBuild(buildSignal));
    await this.#build.join(signal);
    const built = await this.#stored();
    if (built === undefined)
      throw new AlcoveError("InternalError", `${this.#recipe.name} was built, but is not there.`);
    return this.#built(built);
  }

  async read(): Promise<Image> {
    const name = this.#recipe.name;
    if (this.#step !== undefined) return { name, state: "Building", ...this.#step, digest: "", sizeBytes: 0 };
    const stored = await this.#stored();
    if (stored !== undefined) return readyImage(stored);
    if (this.#failure !== undefined) return emptyImage(name, "Failed", this.#failure);
    return emptyImage(name, "Missing", "Not built yet; the first use builds it.");
  }

  async readWithLog(): Promise<Image> {
    return { ...(await this.read()), log: this.#log.text() };
  }

  async #runBuild(signal: AbortSignal): Promise<void> {
    this.#log = new LogRing();
    this.#failure = undefined;
    this.#takeStep({ message: "Starting", progress: 0 });
    try {
      const build = this.#options.build ?? buildImage;
      const onStep = (step: BuildStep) => this.#takeStep(step);
      const onLine = (line: string) => this.#log.add(line);
      await build(this.#options.directory, this.#recipe, { signal, onStep, onLine });
    } catch (error) {
      if (!signal.aborted) this.#failure = messageOf(error);
      throw signal.aborted ? signal.reason : this.#explain(error);
    } finally {
      this.#step = undefined;
      this.#build = undefined;
      this.#notify(await this.read());
    }
  }

  #takeStep(step: BuildStep): void {
    this.#step = step;
    this.#notify({ name: this.#recipe.name, state: "Building", ...step, digest: "", sizeBytes: 0 });
  }

  #explain(error: unknown): AlcoveError {
    if (error instanceof AlcoveError) return error;
    const detail = `The image ${this.#recipe.name} could not be built: ${messageOf(error)}`;
    return new AlcoveError("ImageNotReady", detail, {
      hint: "The image's log has the whole build; the next use tries again.",
      cause: error,
    });
  }

  /** Looked for until it is found; a built image never changes. */
  async #stored(): Promise<StoredImage | undefined> {
    this.#found ??= await findImage(this.#options.directory, this.#recipe.name, this.#recipe.recipeDigest);
    return this.#found;
  }

  #built(stored: StoredImage): BuiltImage {
    return { name: stored.name, digest: stored.digest, path: stored.diskPath, warm: this.#recipe.warm };
  }
}

function readyImage(stored: StoredImage): Image {
  const { name, digest, sizeBytes, builtAt } = stored;
  return { name, state: "Ready", message: "Built by its recipe.", progress: 1, digest, sizeBytes, builtAt };
}

function emptyImage(name: string, state: "Missing" | "Failed", message: string): Image {
  return { name, state, message, progress: 0, digest: "", sizeBytes: 0 };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

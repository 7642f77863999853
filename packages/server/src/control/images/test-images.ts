/** Images without disks: those of a test are there, or come when the test lets them. */
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { AlcoveError, type ImageConfig } from "@alcove/contract";
import type { Upload } from "../../images/archive/receive.js";
import type { BuildStep } from "../../images/build-progress.js";
import type { CatalogueEntry } from "../../images/catalogue.js";
import type { DiskOrder } from "../../images/disk-content.js";
import type { BuildContext, DockerfileRequest } from "../../images/dockerfile/build-context.js";
import { readDockerfile } from "../../images/dockerfile/dockerfile.js";
import {
  type BuildOptions,
  type BuiltImage,
  type Content,
  emptyConfig,
  type ImageOrder,
  type Images,
} from "../../images/image.js";
import type { NamedRecipe } from "../../images/recipe.js";
import { temporaryDirectory } from "../../store/test-record.js";

export class TestImages implements Images, Disposable {
  readonly catalogue = new Map<string, CatalogueEntry>([["debian", debianEntry]]);
  /** By key. */
  readonly contents = new Map<string, Content>([[debianKey, content(debianKey)]]);
  /** What builds wait for. */
  building: Promise<void> = Promise.resolve();
  /** What a pull comes to. */
  config: ImageConfig = emptyConfig;
  readonly orders: ImageOrder[] = [];
  #options: BuildOptions | undefined;
  /** Where disks are written to. */
  #directory: ReturnType<typeof temporaryDirectory> | undefined;

  [Symbol.dispose](): void {
    this.#directory?.[Symbol.dispose]();
  }

  /** As if nothing had been built yet. */
  forgetDebian(): void {
    this.contents.delete(debianKey);
  }

  /** Tells the build under way. */
  step(step: BuildStep): void {
    this.#options?.onStep(step);
  }

  async list(): Promise<readonly Content[]> {
    return [...this.contents.values()];
  }

  async find(key: string): Promise<Content | undefined> {
    return this.contents.get(key);
  }

  checkReference(imageUrl: string): void {
    if (imageUrl === "") throw new AlcoveError("InvalidRequest", "no reference");
  }

  async receive(chunks: AsyncIterable<Uint8Array>): Promise<Upload> {
    const hash = createHash("sha256");
    for await (const chunk of chunks) hash.update(chunk);
    const diffId = `sha256:${hash.digest("hex")}`;
    const image = { config: this.config, source: { kind: "archive" as const }, layers: [{ diffId, open: nothing }] };
    return { image, [Symbol.asyncDispose]: async () => undefined };
  }

  async receiveContext(chunks: AsyncIterable<Uint8Array>, request: DockerfileRequest): Promise<BuildContext> {
    let text = "";
    for await (const chunk of chunks) text += Buffer.from(chunk).toString();
    const context = { ...request, ...readDockerfile(text, request.buildArgs), open: nothing };
    return { ...context, [Symbol.asyncDispose]: async () => undefined };
  }

  async build(order: ImageOrder, options: BuildOptions): Promise<BuiltImage> {
    this.orders.push(order);
    this.#options = options;
    const key = keyOf(order);
    options.onContent(key);
    options.onLine("a line");
    const aborted = new Promise<never>((_, reject) =>
      options.signal.addEventListener("abort", () => reject(options.signal.reason), { once: true }),
    );
    await Promise.race([this.building, aborted]);
    options.signal.throwIfAborted();
    const built = this.contents.get(key) ?? content(key);
    this.contents.set(key, built);
    if (order.kind === "disk") return this.#written(order, built.key);
    if (order.kind === "recipe") return { content: built, config: emptyConfig, source: { kind: "recipe" } };
    if (order.kind === "dockerfile") return { content: built, config: this.config, source: { kind: "dockerfile" } };
    if (order.kind === "upload") return { content: built, config: this.config, source: { kind: "archive" } };
    return { content: built, config: this.config, source: { kind: "registry", imageUrl: order.imageUrl } };
  }

  async #written(order: DiskOrder, key: string): Promise<BuiltImage> {
    await using _order = order;
    this.#directory ??= temporaryDirectory();
    const written = { ...content(key), path: join(this.#directory.path, key) };
    await order.write(written.path, AbortSignal.timeout(20_000));
    this.contents.set(key, written);
    return { content: written, config: order.config, source: { kind: "commit", sandboxId: order.sandboxId } };
  }

  async diskUse() {
    return { count: 1, bytes: 4096 };
  }

  async collect(isWanted: (key: string) => boolean) {
    const gone = [...this.contents.keys()].filter((key) => !isWanted(key));
    for (const key of gone) this.contents.delete(key);
    return { count: gone.length, freedBytes: gone.length };
  }

  async sweep() {
    return [];
  }
}

function keyOf(order: ImageOrder): string {
  if (order.kind === "recipe") return order.recipe.recipeDigest;
  const origin = originOf(order);
  return createHash("sha256").update(origin).digest("hex");
}

function originOf(order: Exclude<ImageOrder, { kind: "recipe" }>): string {
  if (order.kind === "disk") return randomUUID();
  if (order.kind === "registry") return order.imageUrl;
  return order.kind === "dockerfile" ? order.context.text : (order.upload.image.layers[0]?.diffId ?? "");
}

function content(key: string): Content {
  const builtAt = new Date(0).toISOString();
  return { key, digest: `d-${key}`, path: "/images/x.raw", warm: [], sizeBytes: 1, builtAt };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const debianKey = "d".repeat(64);
const debianRecipe: NamedRecipe = {
  name: "debian",
  recipeDigest: debianKey,
  description: "a Debian",
  suite: "bookworm",
  components: ["main"],
  packages: [],
  leaveOut: [],
  keep: [],
  environment: {},
  warm: [],
  buildSpaceMiB: 1,
};
const debianEntry: CatalogueEntry = {
  name: "debian",
  description: "a Debian",
  origin: { kind: "recipe", recipe: debianRecipe },
  fingerprint: debianKey,
};

/** What images are to the rest of the daemon: contents by key, made of sources. Names and rights are control's. */
import type { ImageConfig, ImageSource } from "@alcove/contract";
import type { Upload } from "./archive/receive.js";
import type { BuildStep } from "./build-progress.js";
import type { CatalogueEntry } from "./catalogue.js";
import type { DiskOrder } from "./disk-content.js";
import type { BuildContext, DockerfileRequest } from "./dockerfile/build-context.js";
import type { DockerfileOrder } from "./dockerfile/dockerfile-build.js";
import type { NamedRecipe } from "./recipe.js";
import type { PullOrder } from "./registry/pull.js";

/** A disk that is never written again, shared by everybody whose source came to the same. */
export interface Content {
  /** sha256 of what went in: the recipe, or the layers. */
  readonly key: string;
  /** Names this one disk: the same layers built anew lie differently on it. */
  readonly digest: string;
  readonly path: string;
  /** Programs to run once while a template is made. */
  readonly warm: readonly (readonly string[])[];
  readonly sizeBytes: number;
  readonly builtAt: string;
}

export interface BuiltImage {
  readonly content: Content;
  readonly config: ImageConfig;
  readonly source: ImageSource;
}

/** What an image is to be made of. */
export type ImageOrder =
  | { readonly kind: "recipe"; readonly recipe: NamedRecipe }
  | (PullOrder & {
      readonly kind: "registry";
      /** What the caller has of this manifest already: shown by an earlier pull of its own. */
      readonly known?: (manifestDigest: string) => Promise<BuiltImage | undefined>;
    })
  /** Taken over: its bytes are gone when the build is over. */
  | { readonly kind: "upload"; readonly upload: Upload }
  | DockerfileOrder
  | DiskOrder;

export interface BuildOptions {
  readonly signal: AbortSignal;
  readonly onStep: (step: BuildStep) => void;
  readonly onLine: (line: string) => void;
  /** Called before the content with this key is looked for or made: from then on it has to stay. */
  readonly onContent: (key: string) => void;
  /** When a builder may start; at once when left out. */
  readonly builderTurn?: BuilderTurn;
}

/** Does the work when its turn has come. The work tells when its machine runs, and takes what it needs of the host until it is over. */
export type BuilderTurn = <T>(signal: AbortSignal, work: (onStarted: () => void) => Promise<T>) => Promise<T>;

export interface Images {
  readonly catalogue: ReadonlyMap<string, CatalogueEntry>;
  find(key: string): Promise<Content | undefined>;
  /** Refuses a reference that cannot be one, before anything is recorded. */
  checkReference(imageUrl: string): void;
  /** Takes bytes that a client sends, and looks whether they are an image at all. */
  receive(content: AsyncIterable<Uint8Array>, format: "archive" | "tar", signal: AbortSignal): Promise<Upload>;
  /** Takes a build's context, and reads its Dockerfile. */
  receiveContext(
    content: AsyncIterable<Uint8Array>,
    request: DockerfileRequest,
    signal: AbortSignal,
  ): Promise<BuildContext>;
  /** Makes the content of the order, or finds that it is there. Those who want the same content at once share the work. */
  build(order: ImageOrder, options: BuildOptions): Promise<BuiltImage>;
  /** Removes the contents that nobody wants; asked anew for each, in the moment before it goes. */
  collect(isWanted: (key: string) => boolean): Promise<Collected>;
  /** What is there. */
  list(): Promise<readonly Content[]>;
  /** On the host's disk, with what is being built. */
  diskUse(): Promise<{ readonly count: number; readonly bytes: number }>;
  /** Removes what a killed build left. Called once at start-up. */
  sweep(): Promise<readonly string[]>;
}

export interface Collected {
  readonly count: number;
  readonly freedBytes: number;
}

export const emptyConfig: ImageConfig = { entrypoint: [], cmd: [], environment: {}, exposedPorts: [] };

export function recipeConfig({ environment }: NamedRecipe): ImageConfig {
  return { ...emptyConfig, environment };
}

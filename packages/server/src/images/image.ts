/** What images are to the rest of the daemon. */
import type { Image } from "@alcove/contract";

/** A built image: what an engine needs to make disks of it. Same shape as the engines' `DiskImage`. */
export interface BuiltImage {
  readonly name: string;
  readonly digest: string;
  readonly path: string;
  readonly warm: readonly (readonly string[])[];
}

export interface Images {
  list(): Promise<readonly Image[]>;
  /** ImageNotFound where no recipe has this name. */
  get(name: string): Promise<Image>;
  /** The built image; builds it by its recipe where it is missing. Concurrent calls share one build. The last caller's abort ends it. */
  ensure(name: string, signal: AbortSignal): Promise<BuiltImage>;
  /** Calls the listener with every change of an image's state, progress or message. Answers how to stop listening. */
  onChange(listener: (image: Image) => void): () => void;
  /** Removes what a killed build left. Called once at start-up. */
  sweep(): Promise<readonly string[]>;
}

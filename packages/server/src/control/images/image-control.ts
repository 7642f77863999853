/** What can be done with images. */
import type { CreateImage, Image, ImageFormat, Labels } from "@alcove/contract";

export interface WriteImageOptions {
  readonly format: ImageFormat;
  readonly labels: Labels;
  /** Of a Dockerfile: its path in the bytes. */
  readonly dockerfile?: string;
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly isAdministrators?: boolean;
}

export interface ImageControl {
  list(
    group: string,
    filter: { readonly labels?: Labels; readonly page?: number; readonly pageSize?: number },
  ): Promise<readonly Image[]>;
  /** The group's own, else the catalogue's. */
  get(group: string, name: string, options?: { readonly isPublic?: boolean }): Promise<Image>;
  listPublic(group: string): Promise<readonly Image[]>;
  /** Begins to pull, and answers at once. What an administrator pulls may come from this very host. */
  create(group: string, body: CreateImage, options?: { readonly isAdministrators?: boolean }): Promise<Image>;
  /** Takes the bytes, looks whether they are an image, begins to build and answers. */
  writeContent(
    ref: { readonly group: string; readonly name: string },
    content: AsyncIterable<Uint8Array>,
    options: WriteImageOptions,
    signal: AbortSignal,
  ): Promise<Image>;
  /** Ends a build of it. ImageInUse while sandboxes stand on it. */
  delete(group: string, name: string): Promise<void>;
  prune(
    group: string,
    which: { readonly labels?: Labels; readonly olderThanSeconds?: number },
  ): Promise<{ readonly deleted: readonly string[]; readonly freedBytes: number }>;
  /** Starts building, or joins a build, and answers at once. */
  prepare(group: string, name: string, options?: { readonly isPublic?: boolean }): Promise<Image>;
}

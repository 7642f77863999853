/** What can be done with the files of a sandbox. */
import type { Readable } from "node:stream";
import type { Entry, FileEvent } from "@alcove/contract";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

export interface FileControl {
  read(
    ref: SandboxRef,
    path: string,
    range: { readonly offset?: number; readonly length?: number },
    signal: AbortSignal,
  ): Promise<{
    readonly sizeBytes: number;
    /** Another one when the content is another. */
    readonly version: string;
    readonly content: Readable;
  }>;
  write(
    ref: SandboxRef,
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly mode?: string; readonly user?: string; readonly createDirs: boolean },
    signal: AbortSignal,
  ): Promise<number>;
  delete(ref: SandboxRef, path: string, options: { readonly recursive: boolean }, signal: AbortSignal): Promise<void>;
  stat(
    ref: SandboxRef,
    path: string,
    options: { readonly followSymlinks: boolean },
    signal: AbortSignal,
  ): Promise<Entry>;
  /** Fulfils when changes are seen; ends when what is watched is gone. */
  watch(
    ref: SandboxRef,
    path: string,
    options: { readonly recursive: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<FileEvent>>;
  symlink(ref: SandboxRef, path: string, target: string, signal: AbortSignal): Promise<void>;
  list(
    ref: SandboxRef,
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly path: string; readonly entries: readonly Entry[]; readonly truncated: boolean }>;
  makeDirectory(
    ref: SandboxRef,
    path: string,
    options: { readonly createParents: boolean; readonly mode?: string },
    signal: AbortSignal,
  ): Promise<void>;
  move(
    ref: SandboxRef,
    from: string,
    to: string,
    options: { readonly overwrite: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  readArchive(ref: SandboxRef, path: string, signal: AbortSignal): Promise<Readable>;
  writeArchive(
    ref: SandboxRef,
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly user?: string },
    signal: AbortSignal,
  ): Promise<number>;
}

/** Files of a sandbox. Paths are absolute. */
import {
  deleteFile,
  type Entry,
  type FileEvent,
  listFiles,
  makeDirectory,
  makeSymlink,
  moveFile,
  readArchive,
  readFile,
  statFile,
  watchFiles,
  writeArchive,
  writeFile,
} from "@alcove/contract";
import { packDirectory, unpackDirectory } from "#platform";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import type { SandboxAddress } from "./scope.js";
import type { Chunks } from "./transport.js";

export interface Abortable {
  readonly signal?: AbortSignal | undefined;
}

export interface ReadOptions extends Abortable {
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
}

export interface WriteOptions extends Abortable {
  /** Permissions, such as 0o755; default: those of the file that is replaced, else 0o644. */
  readonly mode?: number | undefined;
  /** The owner: a name, a uid, or uid:gid. */
  readonly user?: string | undefined;
  /** Make the directories above it that are missing; default true, as ACA's SDK has it. */
  readonly createDirs?: boolean | undefined;
}

export type Content = string | Uint8Array | Blob | AsyncIterable<Uint8Array | string>;

export class SandboxFiles {
  readonly #address: SandboxAddress;

  constructor(address: SandboxAddress) {
    this.#address = address;
  }

  /** The whole file, or a part of it. */
  async read(path: string, options: ReadOptions = {}): Promise<Uint8Array> {
    return (await this.readStream(path, options)).bytes();
  }

  async readText(path: string, options: ReadOptions = {}): Promise<string> {
    return (await this.readStream(path, options)).text();
  }

  /** A file of any size, as it comes. Leaving the iteration early stops the reading in the sandbox. */
  async readStream(path: string, { offset, length, signal }: ReadOptions = {}): Promise<ByteStream> {
    const { transport, params } = this.#address;
    const response = await call(transport, readFile, { params, query: { path, offset, length }, signal });
    return new ByteStream(response.body);
  }

  /** Writes a file in one step: a write that fails leaves the old one. Answers the number of bytes. */
  async write(
    path: string,
    content: Content,
    { signal, mode, user, createDirs = true }: WriteOptions = {},
  ): Promise<number> {
    const { transport, params } = this.#address;
    const query = { path, mode: mode?.toString(8).padStart(3, "0"), user, createDirs };
    const { bytesWritten } = await call(transport, writeFile, { params, query, body: await bodyOf(content), signal });
    return bytesWritten;
  }

  async delete(path: string, { recursive, signal }: Abortable & { readonly recursive?: boolean } = {}): Promise<void> {
    const { transport, params } = this.#address;
    await call(transport, deleteFile, { params, query: { path, recursive }, signal });
  }

  /** What a path is: of a symbolic link the link itself, with its target, unless it shall be followed. */
  async stat(
    path: string,
    { followSymlinks, signal }: Abortable & { readonly followSymlinks?: boolean | undefined } = {},
  ): Promise<Entry> {
    const { transport, params } = this.#address;
    return call(transport, statFile, { params, query: { path, followSymlinks }, signal });
  }

  /**
   * What changes in a directory, with `recursive` in all below it, or with one file; it begins when this is fulfilled. It
   * ends when the directory is gone, when the signal aborts, or when the iteration is left.
   */
  async watch(
    path: string,
    { recursive, signal }: Abortable & { readonly recursive?: boolean | undefined } = {},
  ): Promise<AsyncIterable<FileEvent>> {
    const { transport, params } = this.#address;
    const response = await call(transport, watchFiles, { params, query: { path, recursive }, signal });
    return eventsOf(new ByteStream(response.body));
  }

  /** Makes a symbolic link; its target is taken as it is, there or not. */
  async symlink(path: string, target: string, { signal }: Abortable = {}): Promise<void> {
    const { transport, params } = this.#address;
    await call(transport, makeSymlink, { params, body: { path, target }, signal });
  }

  /** The entries of a directory by name, at most 10,000. */
  async list(path: string, { signal }: Abortable = {}): Promise<Entry[]> {
    const { transport, params } = this.#address;
    return (await call(transport, listFiles, { params, query: { path }, signal })).entries;
  }

  async mkdir(
    path: string,
    { createParents, mode, signal }: Abortable & { readonly createParents?: boolean; readonly mode?: number } = {},
  ): Promise<void> {
    const { transport, params } = this.#address;
    const body = {
      path,
      ...(createParents === undefined ? {} : { createParents }),
      ...(mode === undefined ? {} : { mode: mode.toString(8).padStart(3, "0") }),
    };
    await call(transport, makeDirectory, { params, body, signal });
  }

  async move(
    from: string,
    to: string,
    { overwrite, signal }: Abortable & { readonly overwrite?: boolean } = {},
  ): Promise<void> {
    const { transport, params } = this.#address;
    const body = { from, to, ...(overwrite === undefined ? {} : { overwrite }) };
    await call(transport, moveFile, { params, body, signal });
  }

  /** Unpacks a tar stream into a directory; answers the number of entries. */
  async writeArchive(path: string, tar: Chunks, { user, signal }: Abortable & { readonly user?: string } = {}) {
    const { transport, params } = this.#address;
    return (await call(transport, writeArchive, { params, query: { path, user }, body: tar, signal })).entries;
  }

  /** A directory as a tar stream. */
  async readArchive(path: string, { signal }: Abortable = {}): Promise<ByteStream> {
    const { transport, params } = this.#address;
    return new ByteStream((await call(transport, readArchive, { params, query: { path }, signal })).body);
  }

  /** Copies a directory of this machine, and all in it, into a directory of the sandbox. Answers the number of entries. Only in Node. */
  async upload(localDirectory: string, path: string, options: Abortable & { readonly user?: string } = {}) {
    return this.writeArchive(path, await packDirectory(localDirectory), options);
  }

  /** Copies a directory of the sandbox into one of this machine. Nothing is written outside of it, whatever the sandbox says. Only in Node. */
  async download(path: string, localDirectory: string, options: Abortable = {}): Promise<void> {
    await unpackDirectory(await this.readArchive(path, options), localDirectory);
  }
}

async function* eventsOf(stream: ByteStream): AsyncGenerator<FileEvent> {
  for await (const line of stream.lines()) if (line !== "") yield JSON.parse(line) as FileEvent;
}

async function bodyOf(content: Content): Promise<string | Uint8Array | Chunks> {
  if (typeof content === "string" || content instanceof Uint8Array) return content;
  return content instanceof Blob ? (content.stream() as unknown as Chunks) : encoded(content);
}

async function* encoded(content: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const chunk of content) yield typeof chunk === "string" ? encoder.encode(chunk) : chunk;
}

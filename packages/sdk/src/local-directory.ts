/** Directories of this machine as tar streams: only in Node. */
import { once } from "node:events";
import type { Stats } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import type { ReadEntry, Unpack, WriteEntry } from "tar";
import type { Chunks } from "./transport.js";

/** The directory's contents; owners are the sandbox's business. */
export async function* packDirectory(directory: string): AsyncGenerator<Uint8Array> {
  const { create } = await import("tar");
  yield* create({ cwd: directory, portable: true, strict: true }, ["."]);
}

/** The directory as a root file system: modes as they are, everything owned by root, or by whom it is here. */
export async function* packRoot(directory: string, owners: "root" | "keep"): AsyncGenerator<Uint8Array> {
  const { create } = await import("tar");
  const onWriteEntry = (entry: WriteEntry) => {
    if (owners === "root" && entry.stat !== undefined) Object.assign(entry.stat, { uid: 0, gid: 0 });
  };
  yield* create({ cwd: directory, strict: true, onWriteEntry }, ["."]);
}

/**
 * The directory as a Dockerfile's context: without what its .dockerignore leaves out, everything root's. The Dockerfile is always
 * there.
 */
export async function* packContext(directory: string, dockerfile: string): AsyncGenerator<Uint8Array> {
  const { create } = await import("tar");
  const isKept = await keptBy(directory, dockerfile);
  const filter = (path: string, stat: object) => isKept(posix.normalize(path), (stat as Stats).isDirectory());
  const onWriteEntry = (entry: WriteEntry) => {
    if (entry.stat !== undefined) Object.assign(entry.stat, { uid: 0, gid: 0 });
  };
  yield* create({ cwd: directory, strict: true, filter, onWriteEntry }, ["."]);
}

/** Where a rule takes something back, directories are looked into that another one leaves out. */
async function keptBy(directory: string, dockerfile: string) {
  const {
    default: { default: dockerignore },
  } = await import("@balena/dockerignore");
  const rules = await readFile(join(directory, ".dockerignore"), "utf8").catch(unlessMissing);
  const ignored = dockerignore().add(rules);
  const takesBack = /^\s*!/m.test(rules);
  const always = [posix.normalize(dockerfile), ".dockerignore"];
  return (path: string, isDirectory: boolean) => {
    if (path === "." || path === "./" || always.some((file) => file === path || file.startsWith(`${path}/`)))
      return true;
    return (isDirectory && takesBack) || !ignored.ignores(path.replace(/\/$/, ""));
  };
}

function unlessMissing(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "";
  throw error;
}

/**
 * The archive comes from a sandbox and may lie: absolute paths, `..` and links that lead outside are not followed, and no
 * program becomes one that runs here as whoever unpacked it.
 */
export async function unpackDirectory(archive: Chunks, directory: string): Promise<void> {
  const { extract } = await import("tar");
  await mkdir(directory, { recursive: true });
  const unpack = extract({ cwd: directory, preserveOwner: false, strict: false, filter: withoutSetuid });
  await writeAll(archive, unpack);
}

/** `stream.pipeline` would wait for ever, now and then: the unpacker is no stream of Node's, and may end before that listens. */
async function writeAll(archive: Chunks, unpack: Unpack): Promise<void> {
  let failure: unknown;
  const closed = once(unpack, "close").catch((error: unknown) => {
    failure = error;
  });
  try {
    for await (const chunk of archive) {
      if (failure !== undefined) break;
      if (!unpack.write(chunk as Buffer)) await Promise.race([once(unpack, "drain"), closed]);
    }
  } catch (error) {
    failure ??= error;
    unpack.abort(error as Error);
  }
  unpack.end();
  await closed;
  if (failure !== undefined) throw failure;
}

function withoutSetuid(_path: string, entry: object): boolean {
  const { mode } = entry as ReadEntry;
  if (mode !== undefined) (entry as ReadEntry).mode = mode & 0o777;
  return true;
}

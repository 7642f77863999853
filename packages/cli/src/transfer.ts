/** Copies between this machine and a sandbox, files and directories, by the rules of `cp -r`. */
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import type { SandboxFiles } from "alcove";

const chunkBytes = 1_048_576;
const permissionBits = 0o7777;

/** A file, a directory with all in it, or (`-`) standard input. */
export async function copyIn(files: SandboxFiles, local: string, remote: string, signal: AbortSignal): Promise<void> {
  if (local === "-") {
    await files.write(remote, process.stdin, { createDirs: true, signal });
    return;
  }
  const source = await stat(local);
  const target = await placeInside(remote, basename(local), (path) => isRemoteDirectory(files, path, signal));
  if (source.isDirectory()) {
    await files.mkdir(target, { createParents: true, signal });
    await files.upload(local, target, { signal });
    return;
  }
  const content = createReadStream(local, { highWaterMark: chunkBytes });
  await files.write(target, content, { mode: source.mode & permissionBits, createDirs: true, signal });
}

/** The other way; `-` is standard output. */
export async function copyOut(files: SandboxFiles, remote: string, local: string, signal: AbortSignal): Promise<void> {
  const source = await files.stat(remote, { signal });
  if (local === "-") {
    const content = source.isDir
      ? await files.readArchive(remote, { signal })
      : await files.readStream(remote, { signal });
    await pipeline(content, process.stdout, { end: false });
    return;
  }
  const target = await placeInside(local, posix.basename(remote), isLocalDirectory);
  if (source.isDir) {
    await files.download(remote, target, { signal });
    return;
  }
  await writeInOneStep(target, await files.readStream(remote, { signal }), source.mode & permissionBits);
}

/** A copy that fails leaves the old file. */
async function writeInOneStep(target: string, content: AsyncIterable<Uint8Array>, mode: number): Promise<void> {
  const part = `${target}.${process.pid}.part`;
  try {
    await pipeline(content, createWriteStream(part, { mode, flags: "wx", highWaterMark: chunkBytes }));
    await rename(part, target);
  } catch (failure) {
    await rm(part, { force: true });
    throw failure;
  }
}

/** From one sandbox to another, or within one. */
export async function copyAcross(
  from: { readonly files: SandboxFiles; readonly path: string },
  to: { readonly files: SandboxFiles; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const source = await from.files.stat(from.path, { signal });
  const isDirectory = (path: string) => isRemoteDirectory(to.files, path, signal);
  const target = await placeInside(to.path, posix.basename(from.path), isDirectory);
  if (source.isDir) {
    await to.files.mkdir(target, { createParents: true, signal });
    await to.files.writeArchive(target, await from.files.readArchive(from.path, { signal }), { signal });
    return;
  }
  const content = await from.files.readStream(from.path, { signal });
  await to.files.write(target, content, { mode: source.mode & permissionBits, createDirs: true, signal });
}

/** As cp does: what is copied onto a directory goes into it. */
async function placeInside(
  target: string,
  name: string,
  isDirectory: (path: string) => Promise<boolean>,
): Promise<string> {
  if (target.endsWith("/")) return `${target}${name}`;
  return (await isDirectory(target)) ? join(target, name) : target;
}

async function isLocalDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function isRemoteDirectory(files: SandboxFiles, path: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await files.stat(path, { signal })).isDir;
  } catch (failure) {
    if ((failure as { code?: unknown }).code === "FileNotFound") return false;
    throw failure;
  }
}

/** A disk that is there already becomes a content: written into its place, named by what is on it. */
import { createHash } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turnOfEventLoop } from "node:timers/promises";
import type { ImageConfig } from "@alcove/contract";
import { dataBlocks } from "../host/data-blocks.js";
import { syncPath } from "../host/write-durably.js";
import type { Workbench } from "./content-build.js";
import { diskName } from "./contents.js";
import { allocatedBytes } from "./disk.js";
import type { BuildOptions, BuiltImage } from "./image.js";
import { requireRoom } from "./room.js";
import { openPlainWorkplace } from "./workplace.js";

/** Taken over: what it is written from is let go of when the build is over. */
export interface DiskOrder extends AsyncDisposable {
  readonly kind: "disk";
  readonly sandboxId: string;
  readonly config: ImageConfig;
  /** As a raw image, to a path that is not there yet. */
  write(path: string, signal: AbortSignal): Promise<void>;
}

/** The same disk twice is one content. */
export async function takeDisk(bench: Workbench, order: DiskOrder, options: BuildOptions): Promise<BuiltImage> {
  const { contents, spareBytes } = bench;
  const { signal, onStep, onLine } = options;
  await using _order = order;
  await using place = await openPlainWorkplace(contents.directory);
  const folder = join(place.directory, "image");
  await mkdir(folder, { mode: 0o755 });
  const path = join(folder, diskName);
  await requireRoom(place.directory, spareBytes, "Writing the sandbox's disk");
  onStep({ message: "Writing the sandbox's disk", progress: 0.1 });
  await order.write(path, signal);
  await syncPath(path);
  onStep({ message: "Naming what is on it", progress: 0.6 });
  const { key, sizeBytes } = await digestOf(path, signal);
  onLine(`the disk has ${sizeBytes} bytes; its digest is ${key}`);
  options.onContent(key);
  const config = { ...order.config, minimumDiskMiB: Math.ceil(sizeBytes / 1_048_576) };
  const source = { kind: "commit" as const, sandboxId: order.sandboxId };
  const present = await contents.find(key);
  if (present !== undefined) return { content: present, config, source };
  signal.throwIfAborted();
  const content = await contents.adopt(folder, {
    ...{ key, digest: key, warm: [], parts: [`the disk of the sandbox ${order.sandboxId}`] },
    builtAt: new Date().toISOString(),
    sizeBytes: await allocatedBytes(path),
  });
  return { content, config, source };
}

const pieceBytes = 1_048_576;

/** sha256 of its length and of each MiB that is not all zeros, with its place: holes cost nothing. */
async function digestOf(
  path: string,
  signal: AbortSignal,
): Promise<{ readonly key: string; readonly sizeBytes: number }> {
  const { size: sizeBytes } = await stat(path);
  const hash = createHash("sha256").update(`disk of ${sizeBytes} bytes\n`);
  for await (const { at, block } of dataBlocks(path, pieceBytes, signal)) {
    hash.update(`${at} ${block.length}\n`).update(block);
    await turnOfEventLoop();
  }
  return { key: hash.digest("hex"), sizeBytes };
}

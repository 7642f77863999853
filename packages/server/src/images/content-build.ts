/** Layers to a content: a builder makes a disk of them, which appears under the content's key as a whole, or not at all. */
import { createHash, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { type Contents, diskName, type Manifest } from "./contents.js";
import { allocatedBytes } from "./disk.js";
import { type Layer, makeLayeredDisk, type OpenDiskBuilder } from "./disk-builder.js";
import type { BuilderTurn, BuildOptions, Content } from "./image.js";
import { requireRoom, whileRoom } from "./room.js";
import type { PlainWorkplace } from "./workplace.js";

/** What contents are made with. */
export interface Workbench {
  readonly contents: Contents;
  readonly openDisk: OpenDiskBuilder | undefined;
  /** Free space that has to be left. */
  readonly spareBytes: number;
}

/** What goes in, the lowest layer first, each opened when its turn comes. */
export interface Making extends Pick<Manifest, "key" | "warm" | "parts"> {
  readonly layers: readonly (() => Layer)[];
  /** The share of the whole build that lies before. */
  readonly progress: number;
}

/** The folder of a build that fails or is aborted goes with its workplace. */
export async function makeContent(
  bench: Workbench,
  place: Pick<PlainWorkplace, "directory" | "onStart">,
  making: Making,
  options: BuildOptions,
): Promise<Content> {
  const openDisk = requireBuilder(bench);
  const folder = join(place.directory, "image");
  await mkdir(folder, { mode: 0o755 });
  const disk = { path: join(folder, diskName), fileSystemId: randomUUID() };
  const { signal, onLine, builderTurn = atOnce } = options;
  options.onStep({ message: "Waiting for a builder", progress: making.progress });
  const used = await builderTurn(signal, async (onStarted) => {
    const open = async (path: string) => {
      const builder = await openDisk(path, signal);
      onStarted();
      return builder;
    };
    await requireRoom(place.directory, bench.spareBytes, "Making the image's disk");
    options.onStep({ message: "Starting the builder", progress: making.progress });
    return makeLayeredDisk(disk, streams(bench, place, making, options), open, {
      ...{ signal, onLine, onStart: place.onStart },
      onLayer: (index, { entries, bytes }) => onLine(`unpacked layer ${index + 1}: ${entries} entries, ${bytes} bytes`),
    });
  });
  onLine(`the disk holds ${used.files} files, ${used.bytes} bytes`);
  signal.throwIfAborted();
  const { key, warm, parts } = making;
  const origin = JSON.stringify([key, parts, disk.fileSystemId]);
  return await bench.contents.adopt(folder, {
    ...{ key, warm, parts },
    digest: createHash("sha256").update(origin).digest("hex"),
    builtAt: new Date().toISOString(),
    sizeBytes: await allocatedBytes(disk.path),
  });
}

const atOnce: BuilderTurn = (_signal, work) => work(() => undefined);

/** Asked before a build begins, and when its layers are there. */
export function requireBuilder({ openDisk }: Workbench): OpenDiskBuilder {
  if (openDisk !== undefined) return openDisk;
  throw new AlcoveError("EngineUnavailable", "The engine of this daemon cannot make the disks of images.", {
    hint: "Use the microvm engine.",
  });
}

function* streams(
  { spareBytes }: Workbench,
  place: Pick<PlainWorkplace, "directory">,
  { layers, progress }: Making,
  { onStep }: BuildOptions,
): Generator<Layer> {
  const what = "Unpacking the image";
  for (const [index, open] of layers.entries()) {
    const message = `Unpacking layer ${index + 1} of ${layers.length}`;
    onStep({ message, progress: progress + ((0.98 - progress) * (index + 0.05)) / layers.length });
    yield whileRoom(open(), { path: place.directory, spareBytes, what });
  }
  onStep({ message: "Finishing the disk", progress: 0.98 });
}

/** Builds an image: file tree, disk, manifest. It appears under its final name as a whole, or not at all. */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { freeSpace } from "../host/free-space.js";
import { syncPath, writeDurably } from "../host/write-durably.js";
import { type BuildStep, diskStep, stepOf, treeStep } from "./build-progress.js";
import { allocatedBytes, makeDisk } from "./disk.js";
import { bootstrap, installedPackages, settle, unpack } from "./file-tree.js";
import { diskName, type Manifest, manifestName } from "./manifest.js";
import { refuseLostCapabilities } from "./owners.js";
import type { NamedRecipe } from "./recipe.js";
import { closeWorkplace, openWorkplace, type Workplace } from "./workplace.js";

export interface BuildOptions {
  readonly signal: AbortSignal;
  readonly onStep: (step: BuildStep) => void;
  readonly onLine: (line: string) => void;
}

/** Builds into a folder of `images`. A build that fails or is aborted leaves nothing behind. */
export async function buildImage(images: string, recipe: NamedRecipe, options: BuildOptions): Promise<void> {
  await mkdir(images, { recursive: true });
  await checkSpace(images, recipe);
  const place = await openWorkplace(images, options.signal);
  try {
    const { finished, digest } = await assemble(place, recipe, options);
    options.signal.throwIfAborted();
    await rename(finished, join(images, `${recipe.name.replaceAll("/", "_")}-${digest.slice(0, 12)}`));
    await syncPath(images);
  } finally {
    await closeWorkplace(place);
  }
}

async function assemble(
  place: Workplace,
  recipe: NamedRecipe,
  options: BuildOptions,
): Promise<{ readonly finished: string; readonly digest: string }> {
  const { signal, onLine } = options;
  const finished = join(place.directory, "image");
  const disk = { path: join(finished, diskName), tree: join(place.directory, "tree"), fileSystemId: randomUUID() };
  const paths = { archive: join(place.directory, "tree.tar"), tree: disk.tree, scratch: place.scratch };
  await mkdir(finished);
  await bootstrap(recipe, place.owners, paths, { signal, onLine: stepsFrom(options) });
  options.onStep(treeStep);
  await unpack(place.owners, paths, { signal, onLine });
  await refuseLostCapabilities(place.owners, disk.tree);
  await settle(recipe, place.owners, disk.tree, { signal, onLine });
  const packages = await installedPackages(disk.tree, signal);
  options.onStep(diskStep);
  await makeDisk(disk, place.owners, { signal, onLine });
  const manifest = await manifestOf(recipe, disk, packages);
  await writeDurably(join(finished, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return { finished, digest: manifest.digest };
}

function stepsFrom({ onLine, onStep }: BuildOptions): (line: string) => void {
  let current: BuildStep = { message: "Starting", progress: 0 };
  return (line) => {
    onLine(line);
    const step = stepOf(line, current);
    if (step === undefined) return;
    current = step;
    onStep(step);
  };
}

async function manifestOf(
  recipe: NamedRecipe,
  disk: { readonly path: string; readonly fileSystemId: string },
  packages: readonly string[],
): Promise<Manifest> {
  const origin = JSON.stringify([recipe.recipeDigest, packages, disk.fileSystemId]);
  return {
    name: recipe.name,
    recipeDigest: recipe.recipeDigest,
    digest: createHash("sha256").update(origin).digest("hex"),
    builtAt: new Date().toISOString(),
    sizeBytes: await allocatedBytes(disk.path),
    packages: [...packages],
  };
}

async function checkSpace(images: string, recipe: NamedRecipe): Promise<void> {
  for (const path of [images, "/var/tmp"]) {
    const freeMiB = Math.floor((await freeSpace(path)).freeBytes / 1024 / 1024);
    if (freeMiB >= recipe.buildSpaceMiB) continue;
    const detail = `Building ${recipe.name} needs ${recipe.buildSpaceMiB} MiB under ${path}; ${freeMiB} MiB are free.`;
    throw new AlcoveError("DiskFull", detail);
  }
}

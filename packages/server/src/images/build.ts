/** Builds a recipe's content: file tree, disk, manifest. It appears under its key as a whole, or not at all. */
import { createHash, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { freeSpace } from "../host/free-space.js";
import { type BuildStep, diskStep, stepOf, treeStep } from "./build-progress.js";
import { type Contents, diskName, type Manifest } from "./contents.js";
import { allocatedBytes, makeDisk } from "./disk.js";
import { bootstrap, installedPackages, settle, unpack } from "./file-tree.js";
import type { BuildOptions, Content } from "./image.js";
import { refuseLostCapabilities } from "./owners.js";
import type { NamedRecipe } from "./recipe.js";
import { closeWorkplace, openWorkplace, type Workplace } from "./workplace.js";

/** A build that fails or is aborted leaves nothing behind. */
export async function buildRecipe(contents: Contents, recipe: NamedRecipe, options: BuildOptions): Promise<Content> {
  const images = contents.directory;
  await mkdir(images, { recursive: true });
  await checkSpace(images, recipe);
  const place = await openWorkplace(images, options.signal);
  try {
    const { folder, manifest } = await assemble(place, recipe, options);
    options.signal.throwIfAborted();
    return await contents.adopt(folder, manifest);
  } finally {
    await closeWorkplace(place);
  }
}

async function assemble(
  place: Workplace,
  recipe: NamedRecipe,
  options: BuildOptions,
): Promise<{ readonly folder: string; readonly manifest: Manifest }> {
  const { signal, onLine } = options;
  const { onStart } = place;
  const folder = join(place.directory, "image");
  const disk = { path: join(folder, diskName), tree: join(place.directory, "tree"), fileSystemId: randomUUID() };
  const paths = { archive: join(place.directory, "tree.tar"), tree: disk.tree, scratch: place.scratch };
  await mkdir(folder);
  await bootstrap(recipe, place.owners, paths, { signal, onStart, onLine: stepsFrom(options) });
  options.onStep(treeStep);
  await unpack(place.owners, paths, { signal, onStart, onLine });
  await refuseLostCapabilities(place.owners, disk.tree);
  await settle(recipe, place.owners, disk.tree, { signal, onStart, onLine });
  const packages = await installedPackages(disk.tree, signal);
  options.onStep(diskStep);
  await makeDisk(disk, place.owners, { signal, onStart, onLine });
  return { folder, manifest: await manifestOf(recipe, disk, packages) };
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
    key: recipe.recipeDigest,
    digest: createHash("sha256").update(origin).digest("hex"),
    builtAt: new Date().toISOString(),
    sizeBytes: await allocatedBytes(disk.path),
    warm: recipe.warm,
    parts: [...packages],
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

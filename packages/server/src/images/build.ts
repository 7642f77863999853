/** Builds a recipe's content: packages as a tar, which is the one layer of its disk. */
import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { AlcoveError } from "@alcove/contract";
import { freeSpace } from "../host/free-space.js";
import { bootstrap } from "./bootstrap.js";
import { type BuildStep, diskProgress, stepOf } from "./build-progress.js";
import { makeContent, requireBuilder, type Workbench } from "./content-build.js";
import type { BuildOptions, Content } from "./image.js";
import type { NamedRecipe } from "./recipe.js";
import { closeWorkplace, openWorkplace } from "./workplace.js";

const pieceBytes = 1_048_576;

/** A build that fails or is aborted leaves nothing behind. */
export async function buildRecipe(bench: Workbench, recipe: NamedRecipe, options: BuildOptions): Promise<Content> {
  requireBuilder(bench);
  const images = bench.contents.directory;
  await mkdir(images, { recursive: true });
  await checkSpace(images, recipe);
  const place = await openWorkplace(images, options.signal);
  try {
    const { signal } = options;
    const { archive, packages } = await bootstrap(recipe, place, {
      ...{ signal, onStart: place.onStart, onLine: stepsFrom(options) },
    });
    const layers = [() => createReadStream(archive, { highWaterMark: pieceBytes, signal })];
    const { recipeDigest: key, warm } = recipe;
    return await makeContent(
      bench,
      place,
      { key, warm, parts: [...packages], layers, progress: diskProgress },
      options,
    );
  } finally {
    await closeWorkplace(place);
  }
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

async function checkSpace(images: string, recipe: NamedRecipe): Promise<void> {
  for (const path of [images, "/var/tmp"]) {
    const freeMiB = Math.floor((await freeSpace(path)).freeBytes / 1024 / 1024);
    if (freeMiB >= recipe.buildSpaceMiB) continue;
    const detail = `Building ${recipe.name} needs ${recipe.buildSpaceMiB} MiB under ${path}; ${freeMiB} MiB are free.`;
    throw new AlcoveError("DiskFull", detail);
  }
}

/** Images of tests on the real engine: built once, kept in build/test-data. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { createMicrovmEngine } from "../../packages/server/src/engines/microvm/microvm.js";
import { createImages } from "../../packages/server/src/images/images.js";
import { buildDirectory, checkout, guestDirectory } from "./checkout.js";
import { step } from "./progress.js";

export const testDataDirectory = process.env.ALCOVE_TEST_DATA_DIR ?? join(buildDirectory, "test-data");

type MicrovmEngine = ReturnType<typeof createMicrovmEngine>;

interface TestImage {
  readonly name: string;
  readonly recipesDirectory: string;
  /** Kept in its `images`. */
  readonly dataDirectory: string;
}

/** The one that they share. */
const debian: TestImage = {
  name: "debian",
  recipesDirectory: join(checkout, "images"),
  dataDirectory: testDataDirectory,
};

/** Of these sizes most tests make sandboxes; those that run beside others get a copy of what was booted once. */
const sizes = [tiers.XS, tiers.M];

export async function prepareTestImage(signal: AbortSignal, image = debian): Promise<void> {
  await withEngine(image, async (engine) => {
    await build(image, engine, signal);
  });
}

/** The image, and what sandboxes of it start from. */
export async function prepareTestTemplates(signal: AbortSignal): Promise<void> {
  await withEngine(debian, async (engine) => {
    const content = await build(debian, engine, signal);
    if (content === undefined) return;
    await step("Templates for the tests", async ({ say }) => {
      for (const size of sizes) {
        await engine.prepare({ ...content, name: debian.name }, size, { signal, onProgress: say });
      }
    });
  });
}

async function withEngine({ dataDirectory }: TestImage, work: (engine: MicrovmEngine) => Promise<void>): Promise<void> {
  const runtimeDirectory = await mkdtemp(join(tmpdir(), "alcove-i-"));
  const engine = createMicrovmEngine({ dataDirectory, runtimeDirectory, guestDirectory });
  try {
    await work(engine);
  } finally {
    await engine.close();
    await rm(runtimeDirectory, { recursive: true, force: true });
  }
}

async function build({ name, recipesDirectory, dataDirectory }: TestImage, engine: MicrovmEngine, signal: AbortSignal) {
  const images = await createImages({
    directory: join(dataDirectory, "images"),
    recipesDirectory,
    openDisk: (diskPath, working) => engine.builders.open({ id: randomUUID(), diskPath }, working),
  });
  const origin = images.catalogue.get(name)?.origin;
  if (origin?.kind !== "recipe") return undefined;
  const found = await images.find(origin.recipe.recipeDigest);
  if (found !== undefined) return found;
  await step(`Image ${name} for the tests`, (progress) =>
    images.build(origin, {
      signal,
      onStep: ({ message }) => progress.say(message),
      onLine: () => undefined,
      onContent: () => undefined,
    }),
  );
  return images.find(origin.recipe.recipeDigest);
}

/** The image that all tests on the real engine share: built once, kept in build/test-data. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMicrovmEngine } from "../../packages/server/src/engines/microvm/microvm.js";
import { createImages, type ImagesOptions } from "../../packages/server/src/images/images.js";
import { buildDirectory, checkout, guestDirectory } from "./checkout.js";
import { step } from "./progress.js";

export const testDataDirectory = process.env.ALCOVE_TEST_DATA_DIR ?? join(buildDirectory, "test-data");

export async function prepareTestImage(signal: AbortSignal): Promise<void> {
  const runtimeDirectory = await mkdtemp(join(tmpdir(), "alcove-i-"));
  const engine = createMicrovmEngine({ dataDirectory: testDataDirectory, runtimeDirectory, guestDirectory });
  try {
    await build((diskPath, working) => engine.builders.open({ id: randomUUID(), diskPath }, working), signal);
  } finally {
    await engine.close();
    await rm(runtimeDirectory, { recursive: true, force: true });
  }
}

async function build(openDisk: NonNullable<ImagesOptions["openDisk"]>, signal: AbortSignal): Promise<void> {
  const images = await createImages({
    directory: join(testDataDirectory, "images"),
    recipesDirectory: join(checkout, "images"),
    openDisk,
  });
  const origin = images.catalogue.get("debian")?.origin;
  if (origin?.kind !== "recipe" || (await images.find(origin.recipe.recipeDigest)) !== undefined) return;
  await step("Image for the tests", (progress) =>
    images.build(origin, {
      signal,
      onStep: ({ message }) => progress.say(message),
      onLine: () => undefined,
      onContent: () => undefined,
    }),
  );
}

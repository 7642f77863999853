/** The image that all tests on the real engine share: built once, kept in build/test-data. */
import { join } from "node:path";
import { createImages } from "../../packages/server/src/images/images.js";
import { buildDirectory, checkout } from "./checkout.js";
import { step } from "./progress.js";

export const testDataDirectory = process.env.ALCOVE_TEST_DATA_DIR ?? join(buildDirectory, "test-data");

export async function prepareTestImage(signal: AbortSignal): Promise<void> {
  const images = await createImages({
    directory: join(testDataDirectory, "images"),
    recipesDirectory: join(checkout, "images"),
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

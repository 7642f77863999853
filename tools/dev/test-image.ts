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
  if ((await images.get("debian")).state === "Ready") return;
  await step("Image for the tests", async (progress) => {
    const stop = images.onChange((image) => progress.say(image.message));
    await images.ensure("debian", signal).finally(stop);
  });
}

/** A daemon with an image of tests/recipes: built once, and kept beside those that other tests share. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { linkedData } from "../../bench/linked-data.js";
import { prepareTestImage, testDataDirectory } from "../../tools/dev/test-image.js";
import { TestDaemon } from "./daemon.js";

const recipesDirectory = join(import.meta.dirname, "../recipes");

export interface RecipeDaemonOptions {
  /** Of the recipe, and the image. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly environment?: Readonly<Record<string, string>>;
}

export async function startRecipeDaemon({ name, signal, environment }: RecipeDaemonOptions): Promise<TestDaemon> {
  const kept = join(testDataDirectory, name);
  await prepareTestImage(signal, { name, recipesDirectory, dataDirectory: kept });
  const dataDirectory = await linkedData(kept, "own");
  return await TestDaemon.start({
    dataDirectory,
    environment: { ...environment, ALCOVE_RECIPES_DIR: recipesDirectory },
  });
}

/** None, where it did not start. */
export async function endRecipeDaemon(daemon: TestDaemon | undefined): Promise<void> {
  if (daemon === undefined) return;
  await daemon[Symbol.asyncDispose]();
  await rm(daemon.dataDirectory, { recursive: true, force: true });
}

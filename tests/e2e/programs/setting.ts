/** A daemon whose image has many programs: built once, beside those that other tests share. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { linkedData } from "../../../bench/linked-data.js";
import { prepareTestImage, testDataDirectory } from "../../../tools/dev/test-image.js";
import { TestDaemon } from "../../harness/daemon.js";

const recipesDirectory = join(import.meta.dirname, "../../recipes");
const kept = join(testDataDirectory, "programs");

export async function startDaemon(signal: AbortSignal): Promise<TestDaemon> {
  await prepareTestImage(signal, { name: "programs", recipesDirectory, dataDirectory: kept });
  const dataDirectory = await linkedData(kept, "own");
  return await TestDaemon.start({ dataDirectory, environment: { ALCOVE_RECIPES_DIR: recipesDirectory } });
}

export async function endDaemon(daemon: TestDaemon): Promise<void> {
  await daemon[Symbol.asyncDispose]();
  await rm(daemon.dataDirectory, { recursive: true, force: true });
}

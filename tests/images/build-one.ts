/** Builds the one image of a recipes directory, for a test that wants it done by another user, or killed. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createMicrovmEngine } from "../../packages/server/src/engines/microvm/microvm.js";
import { createImages } from "../../packages/server/src/images/images.js";

const [data = "", recipesDirectory = "", name = "", guestDirectory = ""] = process.argv.slice(2);
const directories = { dataDirectory: data, runtimeDirectory: join(data, "run") };
const engine = createMicrovmEngine({ ...directories, guestDirectory });
const openDisk = (diskPath: string, signal: AbortSignal) =>
  engine.builders.open({ id: randomUUID(), diskPath }, signal);
const images = await createImages({ directory: join(data, "images"), recipesDirectory, openDisk });
const origin = images.catalogue.get(name)?.origin;
if (origin?.kind !== "recipe") throw new Error(`There is no recipe ${name}`);
try {
  const { content } = await images.build(origin, {
    signal: new AbortController().signal,
    onStep: ({ message }) => console.log(message),
    onLine: () => undefined,
    onContent: () => undefined,
  });
  console.log(`disk ${content.path}`);
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
await engine.close();

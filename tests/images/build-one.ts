/** Builds the one image of a recipes directory, for a test that wants it done by another user, or killed. */
import { createImages } from "../../packages/server/src/images/images.js";

const [directory = "", recipesDirectory = "", name = ""] = process.argv.slice(2);
const images = await createImages({ directory, recipesDirectory });
const origin = images.catalogue.get(name)?.origin;
if (origin?.kind !== "recipe") throw new Error(`There is no recipe ${name}`);
const { content } = await images.build(origin, {
  signal: new AbortController().signal,
  onStep: ({ message }) => console.log(message),
  onLine: () => undefined,
  onContent: () => undefined,
});
console.log(`disk ${content.path}`);

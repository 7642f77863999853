/** Builds the one image of a recipes directory, for a test that wants it done by another user, or killed. */
import { createImages } from "../../packages/server/src/images/images.js";

const [directory = "", recipesDirectory = "", name = ""] = process.argv.slice(2);
const images = await createImages({ directory, recipesDirectory });
images.onChange(({ message }) => console.log(message));
const { path } = await images.ensure(name, new AbortController().signal);
console.log(`disk ${path}`);

/** Measures beside Docker, or, with `curves` before its options, what grows with the number of sandboxes; each writes down what it found. */
import { show } from "../show.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

export const bench: Verb = async (args, signal) => {
  await build([], signal);
  const [first, ...others] = args;
  const command = first === "curves" ? ["bench/curves/main.ts", ...others] : ["bench/main.ts", ...args];
  return show(process.execPath, ["--import", "tsx", ...command], { signal });
};

/** Measures beside Docker; bench/main.ts writes down what it found. */
import { show } from "../show.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

export const bench: Verb = async (args, signal) => {
  await build([], signal);
  return show(process.execPath, ["--import", "tsx", "bench/main.ts", ...args], { signal });
};

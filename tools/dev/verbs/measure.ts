/** The two verbs that measure and write down what they found: `bench` and `soak`. */
import { npmProgram, show } from "../show.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

export const bench: Verb = async (args, signal) => {
  await build([], signal);
  return show(process.execPath, ["--import", "tsx", "bench/main.ts", ...args], { signal });
};

export const soak: Verb = async (args, signal) => {
  await build([], signal);
  return show(npmProgram("vitest"), ["run", "--project", "soak", ...args], { signal });
};

/** Verbs that are the command line's own, with a build before where one is needed. */
import { join } from "node:path";
import { checkout } from "../checkout.js";
import { show } from "../show.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

const alcove = join(checkout, "packages/cli/bin/alcove");

export const up: Verb = async (args, signal) => {
  await build([], signal);
  return show(alcove, ["up", ...args], { signal });
};

export const down: Verb = (args, signal) => show(alcove, ["down", ...args], { signal });

export const doctor: Verb = async (args, signal) => {
  await build([], signal);
  return show(alcove, ["doctor", ...args], { signal });
};

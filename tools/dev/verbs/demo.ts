import { show } from "../show.js";
import type { Verb } from "../verb.js";
import { up } from "./daemon.js";

export const demo: Verb = async (_args, signal) => {
  const status = await up([], signal);
  return status === 0 ? show(process.execPath, ["--import", "tsx", "examples/first-light.ts"], { signal }) : status;
};

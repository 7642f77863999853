import { join } from "node:path";
import { run } from "../../../packages/server/src/host/run.js";
import { checkout } from "../checkout.js";
import { findGo } from "../guest/go.js";
import { step } from "../progress.js";
import { npmProgram, show } from "../show.js";
import type { Verb } from "../verb.js";

export const fix: Verb = async (_args, signal) => {
  await step("Formatting Go", async (progress) => {
    const go = await findGo(progress, signal);
    await run(go.replace(/go$/, "gofmt"), ["-w", join(checkout, "agent")], { signal });
  });
  return show(npmProgram("biome"), ["check", "--write"], { signal });
};

/** Verbs that are the command line's own, with a build before where one is needed. */
import { join } from "node:path";
import { z } from "zod";
import { run } from "../../../packages/server/src/host/run.js";
import { checkout, guestDirectory } from "../checkout.js";
import { newestChange } from "../newest-change.js";
import { step } from "../progress.js";
import { show } from "../show.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

const alcove = join(checkout, "packages/cli/bin/alcove");

const Health = z.object({ uptimeMs: z.number() });

export const up: Verb = async (args, signal) => {
  await build([], signal);
  if (await isOutdated(signal)) {
    await step("Stopping the daemon, which is older than the build", () => run(alcove, ["down"], { signal }));
  }
  return show(alcove, ["up", ...args], { signal });
};

export const down: Verb = (args, signal) => show(alcove, ["down", ...args], { signal });

export const doctor: Verb = async (args, signal) => {
  await build([], signal);
  return show(alcove, ["doctor", ...args], { signal });
};

/** Whether the daemon that runs began before what it is made of was built. */
async function isOutdated(signal: AbortSignal): Promise<boolean> {
  const status = await run(alcove, ["status", "-o", "json"], { signal }).catch(() => undefined);
  if (status === undefined) return false;
  const { uptimeMs } = Health.parse(JSON.parse(status.stdout));
  const parts = ["packages/server/dist", "packages/contract/dist"].map((directory) => join(checkout, directory));
  return Date.now() - uptimeMs < (await newestChange([...parts, guestDirectory], /\.js$|^guest\.json$/));
}

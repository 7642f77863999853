import { join } from "node:path";
import { run } from "../../../packages/server/src/host/run.js";
import { checkout } from "../checkout.js";
import { changedAt, newestChange } from "../newest-change.js";
import { step } from "../progress.js";
import { npmProgram } from "../show.js";
import { compileSqliteDriver } from "../sqlite-driver.js";
import type { Verb } from "../verb.js";
import { assets } from "./assets.js";

/** All that runs. */
export const build: Verb = async (args, signal) => {
  const { driver, status } = await buildBesideDriver(args, signal);
  await step("SQLite's driver", () => driver);
  return status;
};

/** The same, with the driver of SQLite perhaps still being compiled. */
export async function buildBesideDriver(args: readonly string[], signal: AbortSignal) {
  const driver = compileSqliteDriver(signal);
  // Whoever waits for it is told.
  driver.catch(() => undefined);
  const status = await buildSources(args, signal);
  return { driver, status };
}

async function buildSources(args: readonly string[], signal: AbortSignal): Promise<number> {
  await step("TypeScript", () => run(npmProgram("tsc"), ["-b", ...products], { signal, workingDirectory: checkout }));
  if (await isBundleStale()) await step("Command line", () => bundleCommandLine(signal));
  return assets(args, signal);
}

/** What runs; tests and tools only have their types checked, by `./dev check`. */
const products = ["packages/cli", "packages/server"];
const commandLine = join(checkout, "packages/cli");
const bundled = join(commandLine, "dist/alcove.cjs");

/** One file that starts fast. */
async function bundleCommandLine(signal: AbortSignal): Promise<void> {
  await run(process.execPath, ["bundle.js"], { signal, workingDirectory: commandLine });
}

async function isBundleStale(): Promise<boolean> {
  const parts = ["packages/cli/dist", "packages/sdk/dist", "packages/contract/dist"];
  const sources = parts.map((directory) => join(checkout, directory));
  const builtAt = await changedAt(bundled);
  if (builtAt < (await changedAt(join(commandLine, "bundle.js")))) return true;
  return builtAt < (await newestChange(sources, /\.js$/));
}

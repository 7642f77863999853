import { readdir, stat } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { run } from "../../../packages/server/src/host/run.js";
import { checkout } from "../checkout.js";
import { findGo, goEnvironment } from "../guest/go.js";
import { type StepProgress, step } from "../progress.js";
import { npmProgram } from "../show.js";
import type { Verb } from "../verb.js";
import { assets } from "./assets.js";

export const build: Verb = async (args, signal) => {
  await step("TypeScript", () => run(npmProgram("tsc"), ["-b", ...products], { signal, workingDirectory: checkout }));
  if (await isBundleStale()) await step("Command line", (progress) => bundleCommandLine(progress, signal));
  return assets(args, signal);
};

/** What runs; tests and tools only have their types checked, by `./dev check`. */
const products = ["packages/cli", "packages/server"];
const commandLine = join(checkout, "packages/cli");
const bundled = join(commandLine, "dist/alcove.cjs");

/** One file that starts fast, and a launcher in Go. */
async function bundleCommandLine(progress: StepProgress, signal: AbortSignal): Promise<void> {
  const go = await findGo(progress, signal);
  const path = go.includes("/") ? `${dirname(go)}${delimiter}${process.env.PATH ?? ""}` : process.env.PATH;
  const environment = { ...goEnvironment(), PATH: path };
  await run(process.execPath, ["bundle.js"], { signal, environment, workingDirectory: commandLine });
}

async function isBundleStale(): Promise<boolean> {
  const builtAt = await changedAt(bundled);
  const sources = ["packages/cli/dist", "packages/cli/launcher", "packages/sdk/dist", "packages/contract/dist"];
  const files = await Promise.all(sources.map((directory) => sourcesBelow(join(checkout, directory))));
  const times = await Promise.all([join(commandLine, "bundle.js"), ...files.flat()].map(changedAt));
  return builtAt === 0 || times.some((time) => time > builtAt);
}

async function sourcesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => []);
  return entries.filter((name) => /\.(?:js|go|sum)$/.test(name)).map((name) => join(directory, name));
}

async function changedAt(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.mtimeMs,
    () => 0,
  );
}

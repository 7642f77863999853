import { rm } from "node:fs/promises";
import { join } from "node:path";
import { buildDirectory } from "../checkout.js";
import { runChecks } from "../checks/run-checks.js";
import { sum, type Tally, tallyLine, vitestTally } from "../checks/tally.js";
import { prepareFuzzer } from "../fuzzer.js";
import { seconds } from "../progress.js";
import { npmProgram, show } from "../show.js";
import type { Verb } from "../verb.js";
import { buildBesideDriver } from "./build.js";

/** Everything; with arguments, only the tests on the real engine that vitest selects by them. The last line is the sum. */
export const test: Verb = async (args, signal) => {
  const startedAt = performance.now();
  const { driver } = await buildBesideDriver([], signal);
  const checks = args.length === 0 ? [await runChecks({ short: false, driver, signal })] : [];
  await driver;
  // Imports what `build` has compiled.
  const { prepareTestTemplates } = await import("../test-image.js");
  await prepareTestTemplates(signal);
  await prepareFuzzer(signal);
  const total = sum([...checks, await realTests(args, signal)]);
  process.stdout.write(`Everything took ${seconds(performance.now() - startedAt)}.\n${tallyLine(total)}\n`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
};

async function realTests(args: readonly string[], signal: AbortSignal): Promise<Tally> {
  const report = join(buildDirectory, "test-results/real.json");
  await rm(report, { force: true });
  const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${report}`];
  const status = await show(npmProgram("vitest"), ["run", "--project", "real*", ...reporters, ...args], { signal });
  signal.throwIfAborted();
  const tally = await vitestTally(report);
  const isUnexplained = status !== 0 && tally.failed === 0;
  return isUnexplained ? { ...tally, failed: 1 } : tally;
}

/** The long tests; what they find is written to tests/soak/latest.json, each with its commit. */
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describeCommit, describeMachine } from "../../../bench/machine.js";
import { buildDirectory, checkout } from "../checkout.js";
import { npmProgram, show } from "../show.js";
import { recordSoak } from "../soak-result.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

const resultPath = join(checkout, "tests/soak/latest.json");

export const soak: Verb = async (args, signal) => {
  await build([], signal);
  const reportPath = join(buildDirectory, "test-results/soak.json");
  await mkdir(dirname(reportPath), { recursive: true });
  await rm(reportPath, { force: true });
  const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${reportPath}`];
  const status = await show(npmProgram("vitest"), ["run", "--project", "soak", ...reporters, ...args], { signal });
  const machineOf = (accelerator: string) => describeMachine({ docker: "not used", engine: "microvm", accelerator });
  await recordSoak({ reportPath, resultPath, machineOf, commit: await describeCommit() });
  return status;
};

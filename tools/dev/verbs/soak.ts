/** The long tests; the result of a whole run is written to tests/soak/latest.json, with machine and commit. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { describeCommit, describeMachine } from "../../../bench/machine.js";
import { buildDirectory, checkout } from "../checkout.js";
import { npmProgram, show } from "../show.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

const resultFile = join(checkout, "tests/soak/latest.json");

/** What vitest's JSON reporter writes, as far as it is told on. */
const Report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({
          title: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          meta: z.object({ accelerator: z.string() }).partial(),
        }),
      ),
    }),
  ),
});

export const soak: Verb = async (args, signal) => {
  await build([], signal);
  const report = join(buildDirectory, "test-results/soak.json");
  await mkdir(dirname(report), { recursive: true });
  await rm(report, { force: true });
  const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${report}`];
  const status = await show(npmProgram("vitest"), ["run", "--project", "soak", ...reporters, ...args], { signal });
  if (args.length === 0) await writeFile(resultFile, `${JSON.stringify(await resultOf(report), undefined, 2)}\n`);
  return status;
};

async function resultOf(report: string): Promise<unknown> {
  const { testResults } = Report.parse(JSON.parse(await readFile(report, "utf8")));
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const accelerator = tests.find(({ meta }) => meta.accelerator !== undefined)?.meta.accelerator ?? "none";
  return {
    machine: await describeMachine({ docker: "not used", engine: "microvm", accelerator }),
    commit: await describeCommit(),
    tests: tests.map(({ title, status, duration }) => ({
      title,
      status,
      seconds: Math.round((duration ?? 0) / 1_000),
    })),
  };
}

import { runChecks } from "../checks/run-checks.js";
import { tallyLine } from "../checks/tally.js";
import type { Verb } from "../verb.js";
import { build } from "./build.js";

export const check: Verb = async (_args, signal) => {
  await build([], signal);
  const tally = await runChecks({ short: true, signal });
  process.stdout.write(`${tallyLine(tally)}\n`);
  return tally.failed === 0 ? 0 : 1;
};

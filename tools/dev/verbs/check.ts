import { runChecks } from "../checks/run-checks.js";
import { tallyLine } from "../checks/tally.js";
import type { Verb } from "../verb.js";
import { buildBesideDriver } from "./build.js";

export const check: Verb = async (_args, signal) => {
  const { driver } = await buildBesideDriver([], signal);
  const tally = await runChecks({ short: true, driver, signal });
  process.stdout.write(`${tallyLine(tally)}\n`);
  return tally.failed === 0 ? 0 : 1;
};

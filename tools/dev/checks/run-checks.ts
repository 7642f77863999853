/** Runs the checks side by side and shows what failed. */
import { availableParallelism } from "node:os";
import { findGo } from "../guest/go.js";
import { seconds, step } from "../progress.js";
import { type Check, type CheckContext, type CheckResult, checkList } from "./check-list.js";
import { sum, type Tally, tallyLine } from "./tally.js";

export async function runChecks(options: Omit<CheckContext, "go">): Promise<Tally> {
  const go = await step("Looking for Go", (progress) => findGo(progress, options.signal));
  const waiting = [...checkList];
  const results: CheckResult[] = [];
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      results.push(await runCheck(check, { go, ...options }));
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  return sum(results);
}

async function runCheck(check: Check, context: CheckContext): Promise<CheckResult> {
  const startedAt = performance.now();
  const result = await check.run(context);
  const took = seconds(performance.now() - startedAt);
  const mark = result.failed === 0 ? "✓" : "✗";
  process.stdout.write(`${mark} ${check.name}: ${tallyLine(result)} ${took}\n`);
  if (result.failed > 0) process.stdout.write(`${result.output.trimEnd()}\n`);
  return result;
}

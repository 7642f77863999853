/**
 * `./dev bench curves`: what grows with how many sandboxes there are, apart from the comparison with Docker.
 * Options: --suspended N,N,… and --running N,N,… (an empty list leaves that curve as it was). Results go to bench/results/.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Alcove } from "alcove";
import { checkout } from "../checkout.js";
import { describeCommit, describeMachine } from "../machine.js";
import { type Curve, runningChart, suspendedChart } from "./charts.js";
import { ownHost } from "./host.js";
import { measureRunning, type RunningPoint } from "./running.js";
import { measureSuspended, type SuspendedPoint } from "./suspended.js";

const [loadBefore = Number.NaN] = loadavg();
const results = join(checkout, "bench/results");
const resultPath = join(results, "curves.json");

interface Curves {
  readonly suspended?: Curve<SuspendedPoint>;
  readonly running?: Curve<RunningPoint>;
}

async function measureCurves(counts: { suspended: readonly number[]; running: readonly number[] }): Promise<void> {
  await using host = await ownHost();
  const before = JSON.parse(await readFile(resultPath, "utf8").catch(() => "{}")) as Curves;
  let curves: Curves = before;
  if (counts.running.length > 0) {
    say("Sandboxes that run");
    await host.withDaemon(async (alcove) => {
      const points = await measureRunning(alcove, counts.running, say);
      curves = { ...curves, running: { ...(await seenOn(alcove)), points } };
    });
  }
  if (counts.suspended.length > 0) {
    say("Sandboxes that are suspended");
    const points = await measureSuspended(host, counts.suspended, say);
    await host.withDaemon(async (alcove) => {
      curves = { ...curves, suspended: { ...(await seenOn(alcove)), points } };
    });
  }
  await write(curves);
}

async function seenOn(alcove: Alcove): Promise<Omit<Curve<never>, "points">> {
  // Health answers before the engine has looked at its host; this waits for it.
  await alcove.sandboxes.count();
  const { engine, accelerator } = await alcove.health();
  const machine = await describeMachine({ docker: "not used", engine, accelerator });
  return { machine, commit: await describeCommit(), loadBefore };
}

async function write(curves: Curves): Promise<void> {
  await mkdir(results, { recursive: true });
  await writeFile(resultPath, `${JSON.stringify(curves, undefined, 2)}\n`);
  const { suspended, running } = curves;
  if (suspended) await writeFile(join(results, "curve-suspended.svg"), suspendedChart(suspended));
  if (running) await writeFile(join(results, "curve-running.svg"), runningChart(running));
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const listOf = (text: string) =>
  text
    .split(",")
    .filter((each) => each !== "")
    .map(Number);

const { values } = parseArgs({
  options: {
    suspended: { type: "string", default: "1,10,100,1000" },
    running: { type: "string", default: "1,10,20,30,40,50,60" },
  },
});
await measureCurves({ suspended: listOf(values.suspended), running: listOf(values.running) });

/** The curves as pictures. */
import type { Machine } from "../machine.js";
import { lineChartOf } from "./line-chart.js";
import type { RunningPoint } from "./running.js";
import type { SuspendedPoint } from "./suspended.js";

export interface Curve<Point> {
  readonly machine: Machine;
  readonly commit: string;
  /** Processes of others that ran or waited to run, in the minute before: above the number of cores the times say less. */
  readonly loadBefore: number;
  readonly points: readonly Point[];
}

const longestStartMs = 3_000;

export function suspendedChart(curve: Curve<SuspendedPoint>): string {
  const { points } = curve;
  const real = Math.max(...points.map((point) => point.real));
  return lineChartOf({
    title: "Suspended sandboxes on one machine",
    subtitle: subtitleOf(curve),
    caption: [
      `256 MiB, a command and 1 MB written each. Beyond ${real} they are copies, with files, disk layers and rows of their own.`,
      "Start: from the daemon's process to its first answer that needs the sandboxes. List: all, by pages of 100. Medians of 5.",
      loadOf(curve),
    ],
    xLabel: "suspended",
    xScale: "log",
    panels: [
      { title: "Disk", unit: "MB", points: points.map(({ count: x, diskMegabytes: y }) => ({ x, y })) },
      {
        ...{ title: "Start of the daemon", unit: "ms", goal: longestStartMs },
        points: points.map(({ count: x, startMs: y }) => ({ x, y })),
      },
      { title: "List of all", unit: "ms", points: points.map(({ count: x, listMs: y }) => ({ x, y })) },
    ],
  });
}

export function runningChart(curve: Curve<RunningPoint>): string {
  const { points } = curve;
  return lineChartOf({
    title: "Running sandboxes on one machine",
    subtitle: subtitleOf(curve),
    caption: [
      "256 MiB, idle. Memory: what a sandbox's process shares with nobody, on average.",
      "Create: until it runs, from the image's template, no pool; the median of those since the point before.",
      loadOf(curve),
    ],
    xLabel: "running",
    xScale: "linear",
    panels: [
      { title: "Memory of each", unit: "MB", points: points.map(({ count: x, ownMegabytesEach: y }) => ({ x, y })) },
      { title: "Create one more", unit: "ms", points: points.map(({ count: x, createMs: y }) => ({ x, y })) },
    ],
  });
}

function loadOf({ loadBefore, machine }: Curve<unknown>): string {
  return `In the minute before, ${loadBefore.toFixed(1)} processes of others ran or waited, on ${machine.cores} cores.`;
}

function subtitleOf({ machine, commit }: Curve<unknown>): string {
  const { cpu, cores, memoryGiB, accelerator, measuredAt } = machine;
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB · ${accelerator} · commit ${commit.slice(0, 12)} · ${measuredAt.slice(0, 10)}`;
}

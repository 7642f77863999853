/** The result file: its shape never changes, and rows are known by their ids. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "./machine.js";
import { type Figures, figuresOf, hundredths, p99Of } from "./measure.js";
import type { Row } from "./rows.js";

export interface Result {
  readonly machine: Machine;
  readonly commit: string;
  readonly rows: readonly RowResult[];
}

export interface RowResult {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  readonly ours: Figures;
  readonly peer: ({ readonly name: string } & Figures) | null;
  /** ours.p50 ÷ peer.p50 */
  readonly ratio: number | null;
  readonly goal: Row["goal"];
  /** null where there is no goal, or no peer to compare with. */
  readonly met: boolean | null;
}

export interface Measured {
  readonly ours: readonly number[];
  readonly peer: readonly number[];
  readonly peerName: string | undefined;
}

export function judge(row: Row, measured: Measured): RowResult {
  const moreIsBetter = row.unit === "MB/s" || row.unit === "requests/s";
  const badEnd = moreIsBetter ? "low" : "high";
  const isAboutP99 = row.goal?.of === "p99";
  const ours = { ...figuresOf(measured.ours, badEnd), ...(isAboutP99 ? { p99: p99Of(measured.ours) } : {}) };
  const hasPeer = measured.peerName !== undefined && measured.peer.length > 0;
  const peer = hasPeer ? { name: measured.peerName, ...figuresOf(measured.peer, badEnd) } : null;
  const ratio = peer === null ? null : hundredths(ours.p50 / peer.p50);
  const { id, what, unit, goal } = row;
  const judged = goal?.of === "p50" || goal?.of === "p95" ? ours[goal.of] : (ours.p99 ?? ratio);
  const met = judged === null || goal === null ? null : moreIsBetter ? judged >= goal.value : judged <= goal.value;
  return { id, what, unit, ours, peer, ratio, goal, met };
}

export async function writeResult(directory: string, result: Result, chart: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "latest.json"), `${JSON.stringify(result, undefined, 2)}\n`);
  await writeFile(join(directory, "chart.svg"), chart);
}

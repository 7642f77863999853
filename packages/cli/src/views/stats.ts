/** What sandboxes use, as a table and as lines that follow each other. */
import type { SandboxStats } from "@alcove/contract";
import { table } from "../output/table.js";

export interface NamedStats extends SandboxStats {
  readonly id: string;
  /** Of one core, between two looks: 200 is two cores. */
  readonly cpuPercent?: number;
}

const headings = ["SANDBOX", "STATE", "CPU", "MEMORY", "DISK", "SENT", "RECEIVED", "CONNECTIONS", "PROCESSES"];

export function statsTable(all: readonly NamedStats[]): string {
  return table(headings, all.map(cellsOf));
}

/** In columns of a width that is known beforehand: nobody knows the lines to come. */
export function statsHeading(): string {
  return line(headings);
}

export function statsLine(stats: NamedStats): string {
  return line(cellsOf(stats));
}

/** How much of a core it was given between two looks; undefined where it did not run all the time. */
export function cpuPercent(before: SandboxStats | undefined, now: SandboxStats): number | undefined {
  const usedUsec = (now.cpuUsageUsec ?? Number.NaN) - (before?.cpuUsageUsec ?? Number.NaN);
  const passedMs = Date.parse(now.readAt ?? "") - Date.parse(before?.readAt ?? "");
  const percent = Math.round(usedUsec / passedMs) / 10;
  return now.state === "Running" && passedMs > 0 && percent >= 0 ? percent : undefined;
}

const width = 15;

function line(cells: readonly string[]): string {
  return cells
    .map((cell) => cell.padEnd(width))
    .join(" ")
    .trimEnd();
}

function cellsOf(stats: NamedStats): string[] {
  const { network } = stats;
  return [
    ...[stats.id.slice(0, 8), stats.state, cpuOf(stats)],
    of(stats.memoryUsedBytes, stats.memoryTotalBytes),
    of(stats.diskUsedBytes, stats.diskTotalBytes),
    ...[bytes(network.sentBytes), bytes(network.receivedBytes), String(network.connections)],
    stats.processCount === undefined ? "-" : String(stats.processCount),
  ];
}

function cpuOf({ cpuPercent: percent, cpuUsageUsec }: NamedStats): string {
  if (percent !== undefined) return `${percent.toFixed(1)}%`;
  return cpuUsageUsec === undefined ? "-" : `${(cpuUsageUsec / 1_000_000).toFixed(2)}s`;
}

function of(used: number | undefined, total: number | undefined): string {
  return used === undefined || total === undefined ? "-" : `${bytes(used)}/${bytes(total)}`;
}

const units = ["B", "Ki", "Mi", "Gi", "Ti"];

function bytes(count: number): string {
  let [value, unit] = [count, 0];
  for (; value >= 1_024 && unit < units.length - 1; unit++) value /= 1_024;
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)}${units[unit]}`;
}

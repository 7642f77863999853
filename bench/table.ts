/** Tables for terminals and for Markdown. */
import type { RowResult } from "./result.js";

const headings = ["row", "Alcove p50 / p95", "peer p50 / p95", "ratio", "goal", "met"] as const;

export function resultTable(rows: readonly RowResult[]): string {
  return asTable([headings, ...rows.map(cellsOf)]);
}

/** The same for the README. */
export function markdownTable(rows: readonly RowResult[]): string {
  const lines = [headings, headings.map(() => "---"), ...rows.map(cellsOf)];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export function asTable(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines
    .map((cells) =>
      cells
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cellsOf(row: RowResult): readonly string[] {
  const figures = (side: { p50: number; p95: number } | null) =>
    side === null ? "—" : `${side.p50.toFixed(1)} / ${side.p95.toFixed(1)} ${row.unit}`;
  const sign = row.unit === "MB/s" ? "≥" : "≤";
  const met = row.met === null ? "—" : row.met ? "yes" : "no";
  return [
    row.id,
    figures(row.ours),
    figures(row.peer),
    row.ratio === null ? "—" : `${row.ratio.toFixed(2)} ×`,
    goalOf(row, sign),
    met,
  ];
}

function goalOf({ goal, ours, unit }: RowResult, sign: string): string {
  if (goal === null) return "—";
  if (goal.of === "p99") return `p99 (${ours.p99?.toFixed(1)}) ${sign} ${goal.value} ${unit}`;
  if (goal.of === "p95") return `p95 ${sign} ${goal.value} ${unit}`;
  return goal.of === "p50" ? `${sign} ${goal.value} ${unit}` : `${sign} ${goal.value} ×`;
}

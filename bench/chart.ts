/** The result as a picture: a bar for each side of every row, as long as its median is to the row's longer one. */
import type { Result, RowResult } from "./result.js";

const width = 860;
const labelWidth = 190;
const barSpace = 440;
const rowHeight = 62;
const top = 76;
const colours = { ours: "#0f766e", peer: "#94a3b8", goal: "#b45309", text: "#0f172a", quiet: "#64748b" };

export function chartOf(result: Result): string {
  const height = top + result.rows.length * rowHeight + 44;
  const { machine } = result;
  const subtitle = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB · ${machine.accelerator} · QEMU ${machine.qemu} · Docker ${machine.docker} · Node ${machine.node.replace("v", "")}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(20, 30, "Alcove and Docker, medians", 'font-size="18" font-weight="600"'),
    text(20, 52, subtitle, `fill="${colours.quiet}"`),
    ...result.rows.map((row, index) => rowOf(row, top + index * rowHeight)),
    text(
      20,
      height - 16,
      `commit ${result.commit.slice(0, 12)} · ${machine.measuredAt.slice(0, 10)} · ms, MB: shorter is better, MB/s: longer is better; the mark is the goal`,
      `fill="${colours.quiet}"`,
    ),
    "</svg>",
    "",
  ].join("\n");
}

function rowOf(row: RowResult, y: number): string {
  const longest = Math.max(row.ours.p50, row.peer?.p50 ?? 0, goalFigure(row) ?? 0);
  const lengthOf = (value: number) => Math.max(2, (value / longest) * barSpace);
  const bar = (value: number, offset: number, colour: string, name: string) =>
    `<rect x="${labelWidth}" y="${y + offset}" width="${lengthOf(value).toFixed(1)}" height="16" rx="2" fill="${colour}"/>` +
    text(labelWidth + barSpace + 14, y + offset + 13, `${name} ${value.toFixed(1)} ${row.unit}`);
  const goal = goalFigure(row);
  const goalX = goal === undefined ? undefined : (labelWidth + lengthOf(goal)).toFixed(1);
  return [
    text(20, y + 14, row.id, 'font-weight="600"'),
    text(20, y + 32, verdict(row), `fill="${row.met === false ? colours.goal : colours.quiet}"`),
    bar(row.ours.p50, 2, colours.ours, "Alcove"),
    row.peer === null
      ? ""
      : bar(row.peer.p50, 22, colours.peer, row.peer.name.startsWith("docker") ? "Docker" : row.peer.name),
    goalX === undefined
      ? ""
      : `<line x1="${goalX}" y1="${y - 2}" x2="${goalX}" y2="${y + 22}" stroke="${colours.goal}" stroke-width="2"/>`,
  ].join("");
}

/** The goal as a figure of this run: our own, or the peer's median times the goal's ratio. */
function goalFigure(row: RowResult): number | undefined {
  if (row.goal?.of === "p50") return row.goal.value;
  return row.peer === null || row.goal === null ? undefined : row.peer.p50 * row.goal.value;
}

function verdict(row: RowResult): string {
  if (row.goal === null) return row.ratio === null ? "no peer" : `${row.ratio.toFixed(2)} ×`;
  if (row.ours.p99 !== undefined) return `p99 ${row.ours.p99.toFixed(1)} ${row.unit}, goal ≤ ${row.goal.value}`;
  if (row.goal.of === "p95") return `p95 ${row.ours.p95.toFixed(1)} ${row.unit}, goal ≤ ${row.goal.value}`;
  if (row.goal.of === "p50") return `goal ≤ ${row.goal.value} ${row.unit}`;
  if (row.ratio === null) return "no peer";
  return `${row.ratio.toFixed(2)} ×, goal ${row.unit === "MB/s" ? "≥" : "≤"} ${row.goal.value} ×`;
}

function text(x: number, y: number, content: string, attributes = ""): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes.includes("fill=") ? "" : `fill="${colours.text}"`} ${attributes}>${escaped}</text>`;
}

/** Panels side by side, each a line through its points, as SVG. Both axes begin at zero unless x grows by powers of ten. */

export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** A level that it should stay below. */
  readonly goal?: number;
}

export interface LineChart {
  readonly title: string;
  /** Lines below the title, and below the panels. */
  readonly subtitle: string;
  readonly caption: readonly string[];
  readonly xLabel: string;
  readonly xScale: "linear" | "log";
  readonly panels: readonly Panel[];
}

const chartWidth = 830;
/** Room beside a panel's plot for its figures. */
const margin = { left: 56, right: 18 } as const;
const plot = { top: 104, height: 170 } as const;
const bottomHeight = 62;
const captionHeight = 18;
const gridLines = 4;
const colours = { line: "#0f766e", goal: "#b45309", grid: "#e2e8f0", text: "#0f172a", quiet: "#64748b" } as const;

export function lineChartOf(chart: LineChart): string {
  const panelWidth = (chartWidth - 20) / chart.panels.length;
  const height = plot.top + plot.height + bottomHeight + chart.caption.length * captionHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${chartWidth} ${height}" width="${chartWidth}" height="${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${chartWidth}" height="${height}" fill="#ffffff"/>`,
    text([20, 30], chart.title, `font-size="18" font-weight="600" fill="${colours.text}"`),
    text([20, 52], chart.subtitle, `fill="${colours.quiet}"`),
    ...chart.panels.map((panel, at) => panelOf(chart, panel, { left: 10 + at * panelWidth, width: panelWidth })),
    ...chart.caption.map((line, at) =>
      text([20, plot.top + plot.height + bottomHeight + at * captionHeight], line, `fill="${colours.quiet}"`),
    ),
    "</svg>",
    "",
  ].join("\n");
}

function panelOf(chart: LineChart, panel: Panel, space: Span): string {
  const highest = Math.max(...panel.points.map(({ y }) => y), panel.goal ?? 0);
  const step = roundStep(highest / gridLines);
  const top = Math.max(1, Math.ceil(highest / step)) * step;
  const span = { left: space.left + margin.left, width: space.width - margin.left - margin.right };
  const place = { x: xPlace(chart, panel, span), y: (y: number) => plot.top + plot.height * (1 - y / top) };
  const below: Point = [span.left + span.width / 2, plot.top + plot.height + 38];
  return [
    text([space.left + 10, plot.top - 22], `${panel.title}, ${panel.unit}`, `font-weight="600" fill="${colours.text}"`),
    ...levels(step, top).map((y) => gridLine(span, place.y(y), figure(y))),
    ...panel.points.filter((_, at) => isLabelled(panel, at)).map(({ x }) => tick(place.x(x), figure(x))),
    text(below, chart.xLabel, `text-anchor="middle" fill="${colours.quiet}"`),
    panel.goal === undefined ? "" : goalLine(span, place.y(panel.goal)),
    lineOf(panel, place),
  ].join("\n");
}

/** From left to right. */
interface Span {
  readonly left: number;
  readonly width: number;
}

type Point = readonly [x: number, y: number];

interface Place {
  readonly x: (x: number) => number;
  readonly y: (y: number) => number;
}

/** The line, its points, and the figure of the last one. */
function lineOf({ points }: Panel, place: Place): string {
  const at = points.map(({ x, y }) => `${place.x(x).toFixed(1)},${place.y(y).toFixed(1)}`);
  const dots = points.map(
    ({ x, y }) =>
      `<circle cx="${place.x(x).toFixed(1)}" cy="${place.y(y).toFixed(1)}" r="3.5" fill="${colours.line}"/>`,
  );
  const last = points.at(-1);
  const figures =
    last === undefined
      ? ""
      : text(
          [place.x(last.x), place.y(last.y) - 9],
          figure(last.y),
          `text-anchor="end" font-weight="600" fill="${colours.line}"`,
        );
  const line = `<polyline points="${at.join(" ")}" fill="none" stroke="${colours.line}" stroke-width="2"/>`;
  return [line, ...dots, figures].join("\n");
}

function xPlace({ xScale }: LineChart, { points }: Panel, { left, width }: Span): (x: number) => number {
  const scaled = (x: number) => (xScale === "log" ? Math.log10(Math.max(x, 1)) : x);
  const furthest = Math.max(...points.map(({ x }) => scaled(x)), Number.MIN_VALUE);
  return (x) => left + (scaled(x) / furthest) * width;
}

/** As many as there is room for. */
function isLabelled({ points }: Panel, at: number): boolean {
  return points.length <= 5 || at % 2 === 0;
}

function levels(step: number, top: number): number[] {
  return Array.from({ length: Math.round(top / step) + 1 }, (_, at) => at * step);
}

/** 1, 2 or 5 times a power of ten, and no less than asked for. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, Number.MIN_VALUE)));
  const factor = [1, 2, 5, 10].find((each) => each * power >= least) ?? 10;
  return factor * power;
}

function gridLine({ left, width }: Span, y: number, label: string): string {
  return [
    `<line x1="${left}" y1="${y.toFixed(1)}" x2="${left + width}" y2="${y.toFixed(1)}" stroke="${colours.grid}"/>`,
    text([left - 8, y + 4], label, `text-anchor="end" fill="${colours.quiet}"`),
  ].join("\n");
}

function goalLine({ left, width }: Span, y: number): string {
  return [
    `<line x1="${left}" y1="${y.toFixed(1)}" x2="${left + width}" y2="${y.toFixed(1)}" stroke="${colours.goal}" stroke-width="2" stroke-dasharray="5 4"/>`,
    text([left + 6, y - 6], "goal", `fill="${colours.goal}"`),
  ].join("\n");
}

function tick(x: number, label: string): string {
  return text([x, plot.top + plot.height + 19], label, `text-anchor="middle" fill="${colours.quiet}"`);
}

function figure(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : value < 1 ? 2 : 1;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function text([x, y]: Point, content: string, attributes: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped}</text>`;
}

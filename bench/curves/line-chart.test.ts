import { expect, test } from "vitest";
import { lineChartOf } from "./line-chart.js";

const chart = (points: readonly { x: number; y: number }[], xScale: "linear" | "log" = "log") =>
  lineChartOf({
    ...{ title: "A & <B>", subtitle: "one machine", caption: ["how it was measured"], xLabel: "suspended", xScale },
    panels: [{ title: "Start", unit: "ms", points, goal: 3_000 }],
  });

const dots = (svg: string) =>
  [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

test("powers of ten stand equally far from each other, and a higher figure stands higher", () => {
  const [first, second, third] = dots(
    chart([
      { x: 1, y: 10 },
      { x: 10, y: 500 },
      { x: 100, y: 2_000 },
    ]),
  );
  expect((second?.[0] ?? 0) - (first?.[0] ?? 0)).toBeCloseTo((third?.[0] ?? 0) - (second?.[0] ?? 0), 0);
  expect(third?.[1]).toBeLessThan(second?.[1] ?? 0);
});

test("everything that is drawn lies inside the picture, also where every figure is zero", () => {
  for (const svg of [chart([{ x: 1, y: 0 }]), chart([{ x: 60, y: 9_999 }], "linear")]) {
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
    expect(svg).not.toMatch(/NaN|Infinity/);
    for (const [x = -1, y = -1] of dots(svg)) {
      expect(x >= 0 && x <= Number(width) && y >= 0 && y <= Number(height)).toBe(true);
    }
  }
});

test("what it is called is escaped", () => {
  expect(chart([{ x: 1, y: 1 }])).toContain("A &amp; &lt;B>");
});

import { expect, test } from "vitest";
import { chartOf } from "./chart.js";
import { judge } from "./result.js";
import { peerRows, recordRows } from "./rows.js";

const rows = [...peerRows, ...recordRows];

const machine = {
  cpu: "A <fast> & small one",
  cores: 2,
  memoryGiB: 24,
  kernel: "6.1",
  node: "v20.20.2",
  qemu: "7.2",
  docker: "20.10",
  engine: "microvm",
  accelerator: "tcg",
  measuredAt: "2026-01-02T03:04:05Z",
};

test("the chart names every row and escapes what the machine is called", () => {
  const results = rows.map((row) => judge(row, { ours: [10, 12, 14], peer: [40, 41, 42], peerName: "docker 20.10" }));
  const chart = chartOf({ machine, commit: "0123456789abcdef", rows: results });
  for (const row of rows) expect(chart).toContain(`>${row.id}</text>`);
  expect(chart).toContain("A &lt;fast> &amp; small one");
});

/** What docs/compare.md says of our speed is what was measured last. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

interface Row {
  readonly id: string;
  readonly ours: { readonly p50: number };
  readonly peer: { readonly p50: number };
}

test("the figures of docs/compare.md are those of bench/results/latest.json", () => {
  const page = readFileSync(join(root, "docs/compare.md"), "utf8").replace(/\s+/g, " ");
  const { rows } = JSON.parse(readFileSync(join(root, "bench/results/latest.json"), "utf8")) as { rows: Row[] };
  const figures = ["exec", "create-template", "upload", "download"].map((id) => {
    const row = rows.find((each) => each.id === id);
    if (row === undefined) throw new Error(`The bench has no row ${id}`);
    return [row.ours.p50, row.peer.p50].map((value) => String(Math.round(value)));
  });
  const section = /## How fast (.*?) ## /.exec(page)?.[1] ?? "";
  const written = [...section.matchAll(/\b(\d+)(?= ms| MB\/s|[,.] (?:and|KVM))/g)].map(([figure]) => figure);
  expect(written).toEqual(figures.flat());
});

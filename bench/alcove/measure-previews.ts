/** The rows of previews: in turns with the same program inside its sandbox. */
import { measure } from "../measure.js";
import { judge, type RowResult } from "../result.js";
import { previewRows } from "../rows.js";
import { type BenchPreview, startPreview } from "./preview.js";

const rounds = { count: 20, budgetMs: 20_000 };
/** Of one connection, in a round. */
const requests = 50;
/** Of all connections, in a round. */
const load = { connections: 16, requests: 640 };

export async function measurePreviews(isWanted: (id: string) => boolean): Promise<RowResult[]> {
  const wanted = previewRows.filter(({ id }) => isWanted(id));
  if (wanted.length === 0) return [];
  const preview = await startPreview();
  try {
    const results: RowResult[] = [];
    for (const row of wanted) {
      process.stderr.write(`${row.id}: ${row.what}\n`);
      results.push(judge(row, await acts[row.id](preview)));
    }
    return results;
  } finally {
    await preview.stop();
  }
}

const acts = { "preview-overhead": overhead, "preview-rps": rate };

/** A figure a round: the median of its requests, less that of those within. */
async function overhead(preview: BenchPreview) {
  const sides = {
    ours: async () => median(await preview.outside(1, requests)),
    peer: async () => median(await preview.inside(1, requests)),
  };
  const { ours, peer } = await measure(sides, rounds);
  return { ours: ours.map((figure, at) => figure - (peer[at] ?? 0)), peer: [], peerName: undefined };
}

async function rate(preview: BenchPreview) {
  const { connections } = load;
  const each = load.requests / connections;
  const perSecond = (milliseconds: readonly number[]) => (connections * 1_000) / mean(milliseconds);
  const sides = {
    ours: async () => perSecond(await preview.outside(connections, each)),
    peer: async () => perSecond(await preview.inside(connections, each)),
  };
  return { ...(await measure(sides, rounds)), peerName: "inside" };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

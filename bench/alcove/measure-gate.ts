/** The rows of the gate: in turns with the direct way, so that whatever else the machine does hurts both alike. */
import { measure } from "../measure.js";
import { judge, type RowResult } from "../result.js";
import { type GateRowId, gateRows } from "../rows.js";
import { type BenchGate, startGate, type Way } from "./gate.js";

/** Enough for a p99. */
const rounds = { count: 200, budgetMs: 30_000 };
const fewRounds = { count: 10, budgetMs: 30_000 };
const megabytes = 64;
const connections = 1_000;

export async function measureGate(isWanted: (id: string) => boolean): Promise<RowResult[]> {
  const wanted = gateRows.filter(({ id }) => isWanted(id));
  if (wanted.length === 0) return [];
  const gate = await startGate();
  try {
    const known = new Map<string, Promise<Figures>>();
    const results: RowResult[] = [];
    for (const row of wanted) {
      process.stderr.write(`${row.id}: ${row.what}\n`);
      const [key, act] = acts[row.id];
      const figures = known.get(key) ?? act(gate);
      known.set(key, figures);
      results.push(judge(row, { ...(await figures) }));
    }
    return results;
  } finally {
    await gate.stop();
  }
}

interface Figures {
  readonly ours: readonly number[];
  readonly peer: readonly number[];
  readonly peerName: string | undefined;
}

/** With a key: rows of the same one are measured once. */
const acts: Readonly<Record<GateRowId, readonly [string, (gate: BenchGate) => Promise<Figures>]>> = {
  "gate-ttfb": ["passed", (gate) => added(gate, "passed", () => 0)],
  "gate-ttfb-opened": ["opened", (gate) => added(gate, "opened", () => 0)],
  "gate-ttfb-opened-p99": ["opened", (gate) => added(gate, "opened", () => 0)],
  // Each round has a name of its own; the first is the warm-up's.
  "gate-ttfb-first": ["first", (gate) => added(gate, "opened", (round) => round + 2)],
  "gate-throughput": ["throughput", (gate) => throughput(gate, "passed")],
  "gate-throughput-opened": ["throughput-opened", (gate) => throughput(gate, "opened")],
  "gate-memory": ["memory", memory],
};

async function added(gate: BenchGate, way: Way, nameOf: (round: number) => number): Promise<Figures> {
  const count = way === "opened" && nameOf(1) !== nameOf(0) ? 90 : rounds.count;
  const { ours, peer } = await measure(
    {
      ours: (round) => gate.firstByte(way, nameOf(round)),
      peer: () => gate.firstByte("direct"),
    },
    { ...rounds, count },
  );
  return { ours: ours.map((figure, at) => figure - (peer[at] ?? 0)), peer: [], peerName: undefined };
}

/** Of a process of its own, which has nothing of the other rows. */
async function memory(): Promise<Figures> {
  const gate = await startGate();
  try {
    return { ours: [await gate.memory(connections)], peer: [], peerName: undefined };
  } finally {
    await gate.stop();
  }
}

async function throughput(gate: BenchGate, way: Way): Promise<Figures> {
  const sides = { ours: () => gate.throughput(way, megabytes), peer: () => gate.throughput("direct", megabytes) };
  return { ...(await measure(sides, fewRounds)), peerName: "direct" };
}

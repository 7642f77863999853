/** Rounds in which both sides take turns, so that whatever else the machine does hurts both alike. */

/** One measured act: answers its figure, in the row's unit. */
export type Act = (round: number) => Promise<number>;

export interface Figures {
  readonly p50: number;
  readonly p95: number;
  /** Only where the goal is about it. */
  readonly p99?: number;
  readonly n: number;
}

export interface Sides {
  readonly ours: Act;
  readonly peer: Act | undefined;
}

export interface Rounds {
  readonly count: number;
  /** Fewer rounds are made when they would take longer than this. */
  readonly budgetMs: number;
}

const warmUpRounds = 1;

export async function measure(sides: Sides, rounds: Rounds): Promise<{ ours: number[]; peer: number[] }> {
  const figures: { ours: number[]; peer: number[] } = { ours: [], peer: [] };
  const started = performance.now();
  for (let round = -warmUpRounds; round < rounds.count; round++) {
    const turns = round % 2 === 0 ? (["ours", "peer"] as const) : (["peer", "ours"] as const);
    for (const turn of turns) {
      const figure = await sides[turn]?.(round);
      if (figure !== undefined && round >= 0) figures[turn].push(figure);
    }
    if (performance.now() - started > rounds.budgetMs && round >= 0) break;
  }
  return figures;
}

/** Milliseconds that the act takes. */
export async function stopwatch(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

/** The p95 is the bad end: the slow times, or the low throughputs. */
export function figuresOf(values: readonly number[], badEnd: "high" | "low"): Figures {
  const sorted = values.toSorted((a, b) => (badEnd === "high" ? a - b : b - a));
  return { p50: hundredths(quantile(sorted, 0.5)), p95: hundredths(quantile(sorted, 0.95)), n: sorted.length };
}

/** The slowest of a hundred. */
export function p99Of(values: readonly number[]): number {
  return hundredths(
    quantile(
      values.toSorted((a, b) => a - b),
      0.99,
    ),
  );
}

/** By linear interpolation between the neighbours. */
function quantile(sorted: readonly number[], fraction: number): number {
  const position = (sorted.length - 1) * fraction;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

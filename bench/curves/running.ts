/** What each of ever more sandboxes that run at the same time takes of the host's memory, and how long the next one takes. */
import type { Alcove, Sandbox } from "alcove";
import { image } from "../alcove/acts.js";
import { ownMemory } from "../alcove/time.js";
import { figuresOf, hundredths, stopwatch } from "../measure.js";

export interface RunningPoint {
  readonly count: number;
  /** Memory that each shares with nobody, on average. */
  readonly ownMegabytesEach: number;
  /** The median of those that were made since the point before. */
  readonly createMs: number;
}

export const runningSize = { cpu: "1", memory: "256Mi" } as const;

export async function measureRunning(
  alcove: Alcove,
  counts: readonly number[],
  say: (line: string) => void,
): Promise<RunningPoint[]> {
  const sandboxes: Sandbox[] = [];
  const points: RunningPoint[] = [];
  const create = () => alcove.sandboxes.create({ image, ...runningSize });
  try {
    // The first one makes the template, and finds nothing warm.
    await (await create()).delete();
    for (const count of counts.toSorted((a, b) => a - b)) {
      const creates: number[] = [];
      while (sandboxes.length < count) creates.push(await stopwatch(async () => sandboxes.push(await create())));
      const megabytes = await ownMemory(sandboxes.map(({ id }) => id));
      const { p50: createMs } = figuresOf(creates, "high");
      points.push({ count, ownMegabytesEach: hundredths(megabytes / count), createMs });
      say(`  ${JSON.stringify(points.at(-1))}`);
    }
    return points;
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.delete()));
  }
}

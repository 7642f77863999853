import { performance } from "node:perf_hooks";
import type { Sandbox } from "alcove";

/** Round trips of `true`, one after the other. */
export async function execLatenciesMs(sandbox: Sandbox, rounds: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await sandbox.exec(["/bin/true"]);
    latencies.push(performance.now() - start);
  }
  return latencies;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

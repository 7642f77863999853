/** What a daemon costs that holds ever more suspended sandboxes: the disk, its own start, a list of them. */
import { randomBytes } from "node:crypto";
import type { Alcove } from "alcove";
import { image } from "../alcove/acts.js";
import { figuresOf, hundredths, stopwatch } from "../measure.js";
import { copyUntil } from "./copies.js";
import type { CurveHost } from "./host.js";

export interface SuspendedPoint {
  readonly count: number;
  /** Made by a sandbox that ran and was stopped; the others are copies of these. */
  readonly real: number;
  /** Memory, devices and disk layers of all of them. */
  readonly diskMegabytes: number;
  /** From the start of the process to the first answer that needs the sandboxes. */
  readonly startMs: number;
  /** All of them, by pages of 100. */
  readonly listMs: number;
}

export const suspendedSize = { cpu: "1", memory: "256Mi" } as const;
const mostReal = 10;
const rounds = 5;
const megabyte = 1_000_000;

export async function measureSuspended(
  host: CurveHost,
  counts: readonly number[],
  say: (line: string) => void,
): Promise<SuspendedPoint[]> {
  const points: SuspendedPoint[] = [];
  let real = 0;
  for (const count of counts.toSorted((a, b) => a - b)) {
    await host.withDaemon(async (alcove) => {
      for (; real < Math.min(count, mostReal); real += 1) await suspendOne(alcove);
    });
    const [copy] = await copyUntil(host.dataDirectory, count);
    points.push(await measurePoint(host, { count, real }));
    say(`  ${JSON.stringify(points.at(-1))}`);
    if (copy !== undefined) await host.withDaemon((alcove) => requireWaking(alcove, copy));
  }
  return points;
}

async function measurePoint(host: CurveHost, { count, real }: Pick<SuspendedPoint, "count" | "real">) {
  const starts: number[] = [];
  const lists: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await host.withDaemon(async (alcove) => {
      const found = await alcove.sandboxes.count({ state: "Stopped" });
      starts.push(performance.now() - began);
      if (found !== count) throw new Error(`${found} sandboxes are suspended, not ${count}`);
      lists.push(await stopwatch(() => alcove.sandboxes.list().toArray()));
      bytes = await keptBytes(alcove);
    });
  }
  const middle = (times: readonly number[]) => figuresOf(times, "high").p50;
  return {
    ...{ count, real, diskMegabytes: hundredths(bytes / megabyte) },
    ...{ startMs: middle(starts), listMs: middle(lists) },
  };
}

/** A command, and 1 MB on the disk. */
async function suspendOne(alcove: Alcove): Promise<void> {
  const sandbox = await alcove.sandboxes.create({ image, ...suspendedSize });
  await sandbox.exec(["ls", "/"], { check: true });
  await sandbox.files.write("/root/written", randomBytes(megabyte));
  await sandbox.stop();
}

/** A copy that did not would show less than it costs. It goes: it would stand on another layer than those that are copied. */
async function requireWaking(alcove: Alcove, id: string): Promise<void> {
  const sandbox = alcove.sandboxes.connect(id);
  const { stdout } = await sandbox.exec(["wc", "-c", "/root/written"], { check: true });
  if (!stdout.startsWith(`${megabyte} `)) throw new Error(`the copy ${id} woke with ${stdout.trim()}`);
  await sandbox.delete();
}

async function keptBytes(alcove: Alcove): Promise<number> {
  const { kinds } = await alcove.storage();
  const kept = kinds.filter(({ kind }) => kind === "suspended" || kind === "layers");
  return kept.reduce((sum, { bytes }) => sum + bytes, 0);
}

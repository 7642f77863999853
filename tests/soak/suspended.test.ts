/** A thousand that sleep: the daemon starts with them, lists them, and any of them wakes as it was. ALCOVE_SOAK_SUSPENDED is another number. */
import { randomUUID } from "node:crypto";
import { loadavg } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { figuresOf, stopwatch } from "../../bench/measure.js";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";
import { seeded } from "../harness/seeded.js";
import { answerOf, answerOfSleeper, fallAsleep, type Sleeper } from "./sleepers.js";
import "./meta.js";

const count = Number(process.env.ALCOVE_SOAK_SUSPENDED ?? 1_000);
const madeAtOnce = 4;
const woken = Math.min(20, count);
const restarts = 3;
const longestStartMs = 3_000;
const seed = Date.now() % 1_000_000;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test(`${count} suspended sandboxes are held; the daemon starts with them in ${longestStartMs} ms, and any of them wakes as it was`, async ({
  task,
}) => {
  const { alcove } = daemon;
  task.meta.accelerator = (await alcove.health()).accelerator;
  const began = performance.now();
  const sleepers = await manyAsleep();
  const makingSeconds = (performance.now() - began) / 1_000;
  const { bytes } = await keptOnDisk();
  const [loadAverage = Number.NaN] = loadavg();
  const starts = await startsAfter(() => daemon.stop());
  const startsAfterKill = await startsAfter(() => daemon.kill());
  const lists = await timed(restarts, () => alcove.sandboxes.list({ pageSize: 1_000 }).toArray());
  const pages = await timed(restarts, () => alcove.sandboxes.list().toArray());
  const wakes = await wakeSome(sleepers);
  const residentBytes = await daemon.residentBytes();
  const deletionSeconds = (await stopwatch(() => daemon.deleteAll())) / 1_000;
  task.meta.figures = rounded({
    suspended: sleepers.length,
    makingSeconds,
    diskMegabytes: bytes / 1e6,
    diskMegabytesEach: bytes / 1e6 / count,
    loadAverage,
    startMs: Math.max(...starts),
    startAfterKillMs: Math.max(...startsAfterKill),
    listInOnePageMs: figuresOf(lists, "high").p50,
    listInPagesOf100Ms: figuresOf(pages, "high").p50,
    wakeToOutputMs: figuresOf(wakes, "high").p50,
    slowestWakeToOutputMs: Math.max(...wakes),
    daemonMegabytes: residentBytes / 1e6,
    deletionSeconds,
  });
  console.log(`${count} suspended, woken by seed ${seed}: ${JSON.stringify(task.meta.figures)}`);
  expect(Math.max(...starts, ...startsAfterKill)).toBeLessThanOrEqual(longestStartMs);
  expect(await keptOnDisk()).toMatchObject({ suspended: 0, layers: 0 });
  expect(await census(daemon)).toEqual(nothing);
});

async function manyAsleep(): Promise<Sleeper[]> {
  const sleepers: Sleeper[] = [];
  const makeSome = async (from: number) => {
    for (let made = from; made < count; made += madeAtOnce) {
      sleepers.push(await fallAsleep(daemon.alcove, randomUUID()));
      if (sleepers.length % 50 === 0) console.log(`${sleepers.length} are suspended`);
    }
  };
  await Promise.all(Array.from({ length: madeAtOnce }, (_, from) => makeSome(from)));
  return sleepers;
}

async function keptOnDisk() {
  const { kinds } = await daemon.alcove.storage();
  const kept = kinds.filter(({ kind }) => kind === "suspended" || kind === "layers");
  const counts = Object.fromEntries(kept.map((each) => [each.kind, each.count]));
  return { ...counts, bytes: kept.reduce((sum, each) => sum + each.bytes, 0) };
}

/** From the start of the process to the first answer that needs the sandboxes. */
async function startsAfter(end: () => Promise<void>): Promise<number[]> {
  return await timed(
    restarts,
    async () => {
      await daemon.restart();
      expect(await daemon.alcove.sandboxes.count({ state: "Stopped" })).toBe(count);
    },
    end,
  );
}

async function timed(rounds: number, act: () => Promise<unknown>, before = async () => {}): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await before();
    times.push(await stopwatch(act));
  }
  return times;
}

/** Each by a command, which finds the program, the memory and the disk as they were. */
async function wakeSome(sleepers: readonly Sleeper[]): Promise<number[]> {
  const random = seeded(seed);
  const chosen = sleepers.map((sleeper) => ({ sleeper, at: random() })).sort((a, b) => a.at - b.at);
  const times: number[] = [];
  for (const { sleeper } of chosen.slice(0, woken)) {
    const sandbox = daemon.alcove.sandboxes.connect(sleeper.id);
    let answer = "";
    times.push(await stopwatch(async () => (answer = await answerOf(sandbox, "after"))));
    expect(answer).toBe(answerOfSleeper(sleeper.token, "after"));
  }
  return times;
}

function rounded(figures: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 100) / 100]));
}

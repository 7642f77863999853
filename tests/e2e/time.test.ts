/** The issue of time, on the real engine: a program that is suspended goes on with its next number, and so does each of its forks. */
import { setTimeout as after } from "node:timers/promises";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";

const forks = 20;
const program = `
import os, time, zlib
held = {n: os.urandom(50) * 1000 for n in range(1000)}
marks = {n: zlib.crc32(held[n]) for n in held}
with open("/root/numbers", "a", buffering=1) as numbers:
    number = 0
    while True:
        number += 1
        whole = zlib.crc32(held[number % 1000]) == marks[number % 1000]
        drawn = os.urandom(16).hex()
        numbers.write(f"{number} {whole} {drawn}\\n")
        print(number, flush=True)
        time.sleep(0.25)
`;

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("A program that counts goes on with the next number when it is resumed, and 20 forks of it each by itself", async () => {
  const source = await Sandbox.create({ image: "debian", memory: "512Mi", alcove: daemon.alcove });
  await source.files.write("/root/count.py", program);
  await source.files.write("/root/numbers", "");
  const counter = await source.spawn(["python3", "/root/count.py"], { detached: true });
  await counter[Symbol.asyncDispose]();
  await counted(source, 5);

  const stopped = await source.stop();
  expect(stopped).toMatchObject({ state: "Stopped", suspended: { mode: "Memory" } });
  expect(stopped.suspended?.ownBytes).toBeGreaterThan(50_000_000);
  await after(500);
  await source.resume();
  const atResume = await numbersOf(source);
  await counted(source, atResume.length + 5);
  expect((await source.execs.get(counter.id)).state).toBe("Running");

  const { sandboxes, errors } = await source.fork(forks);
  expect(errors).toEqual([]);
  expect(sandboxes).toHaveLength(forks);
  const all = [source, ...sandboxes];
  const reached = Math.max(...(await Promise.all(all.map(async (sandbox) => (await numbersOf(sandbox)).length))));
  const histories = await Promise.all(all.map((sandbox) => counted(sandbox, reached + 3)));
  const shared = sharedBy(histories);
  expect(shared).toBeGreaterThanOrEqual(atResume.length + 5);
  const drawn = histories.flatMap((history) => history.slice(shared));
  expect(new Set(drawn).size).toBe(drawn.length);
  const read = await Promise.all(all.map((sandbox) => sandbox.files.readText("/proc/sys/kernel/random/uuid")));
  expect(new Set(read).size).toBe(all.length);

  await daemon.deleteAll();
  await expect.poll(() => census(daemon), { timeout: 30_000 }).toEqual(nothing);
}, 120_000);

/** Waits until it has counted that far; every number is there once, in order, and what the program holds is whole. */
async function counted(sandbox: Sandbox, number: number): Promise<readonly string[]> {
  const until = Date.now() + 30_000;
  for (;;) {
    const numbers = await numbersOf(sandbox);
    if (numbers.length >= number) return numbers;
    expect(Date.now()).toBeLessThan(until);
    await after(200);
  }
}

/** What it drew at each number. */
async function numbersOf(sandbox: Sandbox): Promise<readonly string[]> {
  const lines = (await sandbox.files.readText("/root/numbers")).split("\n").slice(0, -1);
  return lines.map((line, index) => {
    const [number, whole, drawn = ""] = line.split(" ");
    expect({ number, whole }).toEqual({ number: `${index + 1}`, whole: "True" });
    return drawn;
  });
}

/** How many numbers they have in common: those until the fork. */
function sharedBy(histories: readonly (readonly string[])[]): number {
  const [first = []] = histories;
  return first.findIndex((drawn, index) => histories.some((history) => history[index] !== drawn));
}

/** What is dangerous about machines that sleep and are copied: clocks, random numbers, identity, timeouts, guests that resist. */
import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Machine } from "../../packages/server/src/engines/engine.js";
import { collect, type Outcome, specOf } from "../../packages/server/src/engines/suite/subject.js";
import type { Guest, Renewal } from "../../packages/server/src/guest/guest.js";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { openRealMachines, type RealMachines } from "../harness/machines.js";

const signal = AbortSignal.timeout(400_000);
let machines: RealMachines;
let guest: Guest;
let generation = 1;
const machineId = randomUUID().replaceAll("-", "");

beforeAll(async () => {
  machines = await openRealMachines(signal);
  ({ guest } = await machines.start());
}, 300_000);
afterAll(async () => await machines?.[Symbol.asyncDispose]());
beforeEach(async () => {
  await renew({ machineId });
});

test("hooks run after a resume and a fork, in their order, and are told which; not after a repetition", async () => {
  const first = `#!/bin/sh
echo "$ALCOVE_GENERATION $ALCOVE_REASON [$ALCOVE_SEED] $(id -u) $(cat /run/alcove/generation) $PWD" >> /root/ran`;
  await guest.files.makeDirectory("/etc/alcove/renew.d", { createParents: true }, signal);
  await write("/etc/alcove/renew.d/10-tell", first);
  await write("/etc/alcove/renew.d/20-fail", "exit 3");
  const resumed = await renew({ machineId });
  await ended("20-fail");
  await guest.renew({ ...renewal, generation: resumed, machineId }, signal);
  const forked = await renew({ machineId: "f".repeat(32), entropy: Buffer.alloc(64, 7) });
  await ended(`generation ${forked}`);
  const seed = (await shell("cat /run/alcove/seed")).stdout.trim();
  expect(seed).toMatch(/^[0-9a-f]{64}$/);
  await ended("20-fail");
  expect((await shell("cat /root/ran")).stdout).toBe(
    `${resumed} resume [] 0 ${resumed} /\n${forked} fork [${seed}] 0 ${forked} /\n`,
  );
  expect((await shell("cat /run/alcove/renew.log")).stdout).toMatch(
    /^generation \d+, fork\n10-tell: exit code 0 after \d+ ms\n20-fail: exit code 3 after \d+ ms\n$/,
  );
  await shell("rm -r /etc/alcove");
});

test("frozen, nothing that is started begins, and all of it goes on when it is thawed", async () => {
  const begin = (name: string) => specOf(["sh", "-c", `echo began > /root/${name}`]);
  const isThere = (name: string) => guest.files.stat(`/root/${name}`, signal).catch(() => undefined);
  const before = performance.now();
  await guest.execs.start(begin("unfrozen"), signal);
  await waitFor(() => isThere("unfrozen"), signal);
  const usualMs = performance.now() - before;
  expect(await guest.freeze(5_000, signal)).toBe(true);
  const started = guest.execs.start(begin("frozen"), signal);
  await sleep(10 * usualMs);
  expect(await isThere("frozen")).toBeUndefined();
  await expect(Promise.race([started, guest.execs.list(signal).then(() => "held")])).resolves.toBe("held");
  await guest.thaw(signal);
  await started;
  await waitFor(() => isThere("frozen"), signal);
});

test("a process that left the users' cgroup makes the freeze fail, in time, and the rest goes on", async () => {
  const leave = `mkdir -p /tmp/c && mount -t cgroup2 none /tmp/c && mkdir -p /tmp/c/away && echo $$ > /tmp/c/away/cgroup.procs
    echo left; exec sleep 600`;
  const { id } = await guest.execs.start(specOf(["sh", "-c", leave]), signal);
  await waitFor(async () => (await guest.execs.get(id, 0, signal)).stdoutBytes === 5 || undefined, signal);
  expect(await guest.freeze(1_000, signal)).toBe(false);
  await guest.thaw(signal);
  expect((await shell("echo on")).stdout).toBe("on\n");
  await guest.execs.delete(id, { force: true }, signal);
  await shell("kill -9 $(cat /tmp/c/away/cgroup.procs); umount /tmp/c");
  await waitFor(async () => (await freezeAndThaw()) || undefined, signal);
});

test("a process that thaws its own cgroup as fast as it can does not make the answer wrong, nor late", async () => {
  const thaw = `mkdir -p /tmp/c && mount -t cgroup2 none /tmp/c; exec 3> /tmp/c/alcove/user/cgroup.freeze
    while :; do echo 0 >&3; echo ran; done`;
  const resisting = Array.from({ length: 3 }, () => guest.execs.start(specOf(["sh", "-c", thaw]), signal));
  const ids = (await Promise.all(resisting)).map(({ id }) => id);
  const said = () => Promise.all(ids.map(async (id) => (await guest.execs.get(id, 0, signal)).stdoutBytes));
  await waitFor(async () => (await said()).every((bytes) => bytes > 0) || undefined, signal);
  const began = performance.now();
  const isFrozen = await guest.freeze(500, signal);
  expect(performance.now() - began).toBeLessThan(3_000);
  const before = await said();
  await sleep(100);
  expect(await said()).toEqual(isFrozen ? before : expect.anything());
  await guest.thaw(signal);
  for (const id of ids) await guest.execs.delete(id, { force: true }, signal);
});

test("the kernel's random numbers differ even from the same entropy; the seed for programs is the same", async () => {
  const entropy = randomBytes(64);
  const seen = [];
  for (const machine of [await machines.start({ entropy }), await machines.start({ entropy })]) {
    const script = "head -c 16 /dev/urandom | od -An -tx1; cat /run/alcove/seed";
    seen.push((await collect(machine.guest.execs.run(specOf(["sh", "-c", script]), signal))).stdout.split("\n"));
    await machine.destroy();
  }
  const [[random, seed] = [], [otherRandom, otherSeed] = []] = seen;
  expect(seed).toBe(otherSeed);
  expect(seed).toHaveLength(64);
  expect(random).not.toBe(otherRandom);
});

const clocks = `import os, time
boot, wall = time.CLOCK_BOOTTIME, time.CLOCK_REALTIME
while True:
    print(time.monotonic(), time.clock_gettime(boot), time.clock_gettime(wall), open("/run/alcove/generation").read().strip(), flush=True)
    time.sleep(0.005)
`;

test("a program's clocks over a sleep: the wall's is right, the others stand still and never go back; no instruction before the renewal", async () => {
  const asleep = await machines.start({ hostname: "sleeper" });
  const { id } = await asleep.guest.execs.start(specOf(["python3", "-c", clocks]), signal);
  await waitFor(async () => (await asleep.guest.execs.get(id, 0, signal)).stdoutBytes > 5_000 || undefined, signal);
  const timed = specOf(["sleep", "600"]);
  await asleep.guest.execs.start({ ...timed, timeoutMs: 5_000 }, signal);
  const startedAt = await startOf(asleep, timed.id);
  const { isFrozen } = await machines.suspend(asleep);
  await sleep(5_500);
  const awake = await machines.goOn(asleep, 2);
  expect(await awake.guest.execs.get(timed.id, 0, signal)).toMatchObject({ state: "Running", timedOut: false });
  expect(Math.abs((await startOf(awake, timed.id)) - startedAt)).toBeLessThan(500);
  await waitFor(async () => (await clockOff(awake.guest)) < 50 || undefined, AbortSignal.timeout(3_000));
  const outlived = await awake.guest.execs.get(timed.id, 20_000, signal);
  expect(outlived).toMatchObject({ timedOut: true });
  expect(outlived.durationMs).toBeLessThan(7_000);
  await awake.guest.execs.signal(id, "KILL", signal);
  const { stdout, frames } = await collect(awake.guest.execs.attach(id, 0, signal));
  await awake.destroy();

  const lines = stdout
    .split("\n")
    .slice(0, -2)
    .map((line) => line.split(" ").map(Number));
  const steps = lines.slice(1).map((line, index) => line.map((value, column) => value - (lines[index]?.[column] ?? 0)));
  expect(Math.min(...steps.map(([monotonic = 0]) => monotonic))).toBeGreaterThan(0);
  expect(Math.max(...steps.map(([monotonic = 0]) => monotonic))).toBeLessThan(2);
  expect(Math.max(...steps.map(([, boot = 0]) => boot))).toBeLessThan(2);
  const jumps = steps.filter(([, , wall = 0]) => wall > 4);
  // Whoever sees the new time sees the new generation with it.
  expect(jumps.map(([, , , generation]) => generation)).toEqual([1]);
  expect(isFrozen).toBe(true);
  const slept = frames.flatMap((frame) => (frame.kind === "interrupted" ? [frame] : []));
  expect(
    slept.map(({ stoppedAtUnixMs, resumedAtUnixMs }) => Math.floor((resumedAtUnixMs - stoppedAtUnixMs) / 5_000)),
  ).toEqual([1]);
}, 120_000);

const identities = `import os, time
def read(path): return open(path).read().strip()
while True:
    print(read("/run/alcove/generation"), os.urandom(8).hex(), os.uname().nodename, read("/etc/machine-id"), flush=True)
    time.sleep(0.003)
`;

test("forks of one instant: no instruction before the renewal, and from the first one on other random numbers, names and machine ids", async () => {
  const source = await machines.start({ hostname: "source" });
  const { id } = await source.guest.execs.start(specOf(["python3", "-c", identities]), signal);
  await waitFor(async () => (await source.guest.execs.get(id, 0, signal)).stdoutBytes > 2_000 || undefined, signal);
  const snapshotId = randomUUID();
  await source.snapshot?.(snapshotId, { mustFreeze: true }, signal);
  const origin = { kind: "snapshot", snapshotId, from: "Memory" } as const;
  const seen = [];
  for (const hostname of ["one", "other"]) {
    const fork = await machines.start({ hostname, generation: 2, origin });
    await waitFor(async () => (await lines(fork, id)).filter(([life]) => life === "2").length > 9 || undefined, signal);
    seen.push(await lines(fork, id));
    await fork.destroy();
  }
  await source.destroy();
  const [one = [], other = []] = seen;
  const [[before, after], [otherBefore, otherAfter]] = [lives(one), lives(other)];
  expect(before.length).toBeGreaterThan(9);
  // One of them may have stood between two of its instructions.
  expect(before.slice(0, -1)).toEqual(otherBefore.slice(0, -1));
  const values = (of: string[][], column: number) => new Set(of.map((line) => line[column]));
  for (const column of [1, 2, 3])
    expect([...values(after, column)].filter((value) => values(otherAfter, column).has(value))).toEqual([]);
  expect([...values(after, 2), ...values(otherAfter, 2)]).toEqual(["one", "other"]);
}, 120_000);

async function lines(machine: Machine, execId: string): Promise<string[][]> {
  const { stdoutBytes } = await machine.guest.execs.get(execId, 0, signal);
  let text = "";
  for await (const frame of machine.guest.execs.attach(execId, 0, signal)) {
    if (frame.kind === "stdout") text += Buffer.from(frame.bytes);
    if (text.length >= stdoutBytes) break;
  }
  const whole = text.split("\n").slice(0, -1);
  return whole.map((line) => line.split(" "));
}

/** Of before the fork, and after. */
function lives(of: string[][]): readonly [string[][], string[][]] {
  return [of.filter(([life]) => life === "1"), of.filter(([life]) => life === "2")];
}

const renewal = { hostname: "h", environment: {}, thaw: true };

/** A renewal of another generation, which it answers. */
async function renew(of: Pick<Renewal, "machineId" | "entropy">): Promise<number> {
  generation++;
  await guest.renew({ ...renewal, ...of, generation }, signal);
  return generation;
}

async function ended(words: string): Promise<void> {
  await waitFor(async () => (await shell("cat /run/alcove/renew.log")).stdout.includes(words) || undefined, signal);
}

async function startOf(machine: Machine, execId: string): Promise<number> {
  const processes = await machine.guest.processes(signal);
  return processes.find((process) => process.execId === execId)?.startedAtUnixMs ?? 0;
}

/** How many milliseconds the guest's clock is outside of the time in which it was read. */
async function clockOff(of: Guest): Promise<number> {
  const before = Date.now();
  const read = Number((await of.stats(signal)).unixNanos) / 1e6;
  return Math.max(before - read, read - Date.now(), 0);
}

async function freezeAndThaw(): Promise<boolean> {
  const isFrozen = await guest.freeze(1_000, signal);
  await guest.thaw(signal);
  return isFrozen;
}

function shell(script: string): Promise<Outcome> {
  return collect(guest.execs.run(specOf(["sh", "-c", script]), signal));
}

async function write(path: string, content: string): Promise<void> {
  async function* bytes() {
    yield Buffer.from(content);
  }
  await guest.files.write(path, bytes(), { createDirs: false, mode: "755" }, signal);
}

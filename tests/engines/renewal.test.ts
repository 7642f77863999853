/** Renewals and freezes of real machines: what a program inside sees of being resumed or forked, and what cannot be frozen. */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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
  expect(await guest.freeze(5_000, signal)).toBe(true);
  const started = guest.execs.start(specOf(["sh", "-c", "echo began > /root/began"]), signal);
  await expect(Promise.race([started, guest.execs.list(signal).then(() => "held")])).resolves.toBe("held");
  await guest.execs.list(signal);
  await expect(guest.files.stat("/root/began", signal)).rejects.toMatchObject({ code: "FileNotFound" });
  await guest.thaw(signal);
  await started;
  await waitFor(() => guest.files.stat("/root/began", signal).catch(() => undefined), signal);
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

test("a process that thaws its own cgroup as fast as it can makes the freeze fail, in time", async () => {
  const thaw = `mkdir -p /tmp/c && mount -t cgroup2 none /tmp/c; exec 3> /tmp/c/alcove/user/cgroup.freeze
    echo begun; while :; do echo 0 >&3; done`;
  const resisting = Array.from({ length: 3 }, () => guest.execs.start(specOf(["sh", "-c", thaw]), signal));
  const ids = (await Promise.all(resisting)).map(({ id }) => id);
  await waitFor(async () => (await guest.execs.get(ids[2] ?? "", 0, signal)).stdoutBytes > 0 || undefined, signal);
  const began = performance.now();
  const isFrozen = await guest.freeze(500, signal);
  expect(performance.now() - began).toBeLessThan(3_000);
  // Whichever wins: what the answer says holds.
  if (isFrozen) expect((await guest.execs.list(signal)).length).toBeGreaterThan(0);
  await guest.thaw(signal);
  for (const id of ids) await guest.execs.delete(id, { force: true }, signal);
});

test("after a clock that stood still for an hour: the time is right, what began before began when it did, a timeout has its rest", async () => {
  // What a sleep leaves behind.
  await shell("date -s @$(($(date +%s) - 3600))");
  const { id } = await guest.execs.start({ ...specOf(["sleep", "600"]), timeoutMs: 3_000 }, signal);
  const process = async () => (await guest.processes(signal)).find(({ execId }) => execId === id)?.startedAtUnixMs ?? 0;
  const [startedAt, monotonic] = [await process(), await uptime()];
  expect(Date.now() - startedAt).toBeGreaterThan(3_500_000);
  await renew({ machineId });
  expect(Math.abs(Number((await guest.stats(signal)).unixNanos) / 1e6 - Date.now())).toBeLessThan(50);
  expect(Math.abs((await process()) - startedAt)).toBeLessThan(100);
  expect((await uptime()) - monotonic).toBeGreaterThan(0);
  expect((await uptime()) - monotonic).toBeLessThan(60);
  const told = await collect(guest.execs.attach(id, 0, signal));
  expect(told.end).toMatchObject({ timedOut: true });
  expect(told.end.durationMs).toBeLessThan(10_000);
  const [interrupted] = told.frames.filter((frame) => frame.kind === "interrupted");
  const slept = (interrupted?.resumedAtUnixMs ?? 0) - (interrupted?.stoppedAtUnixMs ?? 0);
  expect(Math.abs(slept - 3_600_000)).toBeLessThan(5_000);
});

test("the kernel's random numbers differ even from the same entropy; the seed for programs is the same", async () => {
  const entropy = randomBytes(64);
  const seen = [];
  for (const machine of [await machines.start({ id: randomUUID() }), await machines.start({ id: randomUUID() })]) {
    await machine.guest.renew({ ...renewal, generation: 2, machineId, entropy }, signal);
    const script = "head -c 16 /dev/urandom | od -An -tx1; cat /run/alcove/seed";
    seen.push((await collect(machine.guest.execs.run(specOf(["sh", "-c", script]), signal))).stdout.split("\n"));
    await machine.destroy();
  }
  const [[random, seed] = [], [otherRandom, otherSeed] = []] = seen;
  expect(seed).toBe(otherSeed);
  expect(seed).toHaveLength(64);
  expect(random).not.toBe(otherRandom);
});

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

/** In seconds, as programs have it of CLOCK_MONOTONIC or CLOCK_BOOTTIME. */
async function uptime(): Promise<number> {
  return Number((await shell("cut -d ' ' -f 1 /proc/uptime")).stdout);
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

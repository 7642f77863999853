import { AlcoveError } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { never, type TestDaemon, withMembers } from "../test-daemon.js";
import { replaced, TimedHost } from "./timed-host-test-kit.js";

const second = 1_000;
const policy = { autoSuspendPolicy: { enabled: true, interval: 60 } } as const;
const soon = () => AbortSignal.timeout(20_000);

const inState = ({ control }: TestDaemon, sandbox: { group: string; id: string }, state: string) =>
  waitFor(async () => {
    const now = await control.sandboxes.get(sandbox);
    return now.state === state ? now : undefined;
  }, soon());

function signalled() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

/** Lets what is under way in the daemon come to its end. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

async function kinds({ control }: TestDaemon, sandbox: { group: string; id: string }) {
  const { activity, state } = await control.sandboxes.get(sandbox);
  return { state, kinds: activity?.keptAwakeBy.map(({ kind }) => kind), sleeps: activity?.sleepsAt !== undefined };
}

test.each(["Memory", "Disk"] as const)(
  "a sandbox that nobody uses is suspended in its policy's mode: %s",
  async (mode) => {
    await using host = new TimedHost();
    const daemon = await host.timed();
    const sandbox = await host.create(daemon, { autoSuspendPolicy: { enabled: true, interval: 60, mode } });
    const { activity } = await daemon.control.sandboxes.get(sandbox);
    expect(activity?.keptAwakeBy).toEqual([
      { kind: "recentUse", message: "It was started 0 s ago; its policy waits 60 s." },
    ]);
    expect(Date.parse(activity?.sleepsAt ?? "") - host.wall()).toBe(60 * second);
    await host.pass(59 * second);
    await settle();
    await expect.poll(() => kinds(daemon, sandbox)).toEqual({ state: "Running", kinds: ["recentUse"], sleeps: true });
    await host.pass(2 * second);
    const stopped = await inState(daemon, sandbox, "Stopped");
    expect(stopped.stateDetails.stoppedReason).toBe("Idle");
    expect(stopped.suspended?.mode).toBe(mode);
    expect(stopped.activity).toEqual({ keptAwakeBy: [] });
    const resumed = await daemon.control.sandboxes.resume(sandbox, {}, never);
    expect(resumed.state).toBe("Running");
    await host.pass(61 * second);
    await inState(daemon, sandbox, "Stopped");
  },
);

test("each use begins the interval anew; looking on does not", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await host.create(daemon, policy);
  const { control } = daemon;
  await host.pass(50 * second);
  await control.files.list(sandbox, "/", never);
  await host.pass(50 * second);
  await settle();
  expect((await control.sandboxes.get(sandbox)).state).toBe("Running");
  await control.sandboxes.stats(sandbox, never);
  await control.sandboxes.list(sandbox.group, {});
  await control.execs.list(sandbox, never);
  await host.pass(11 * second);
  await inState(daemon, sandbox, "Stopped");
});

test("an open stream keeps it awake, however long; it sleeps an interval after its end", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await host.create(daemon, policy);
  const leaving = new AbortController();
  const stream = daemon.control.execs.stream(sandbox, { args: ["sleep", "100000"] }, leaving.signal);
  const messages = stream[Symbol.asyncIterator]();
  await messages.next();
  await host.pass(3_600 * second);
  await settle();
  await expect.poll(() => kinds(daemon, sandbox)).toEqual({ state: "Running", kinds: ["session"], sleeps: false });
  const ended = messages.next();
  leaving.abort();
  await ended.catch(() => undefined);
  await settle();
  await host.pass(30 * second);
  await settle();
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  await host.pass(61 * second);
  await inState(daemon, sandbox, "Stopped");
});

test("a terminal keeps it awake while something is typed or shown, and not by being there", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const { terminals } = daemon.control;
  const sandbox = await host.create(daemon, policy);
  const leaving = new AbortController();
  const shown = terminals.open(sandbox, { command: "cat" }, leaving.signal)[Symbol.asyncIterator]();
  const { value: first } = await shown.next();
  const terminal = { ...sandbox, execId: first?.type === "started" ? first.exec.id : "" };
  for (let times = 0; times < 3; times++) {
    await host.pass(40 * second);
    await terminals.type(terminal, Buffer.from("here\r"), never);
    await shown.next();
    await settle();
    expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  }
  const more = shown.next();
  await settle();
  await host.pass(61 * second);
  await inState(daemon, sandbox, "Stopped");
  await terminals.type(terminal, Buffer.from("woken\r"), never);
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  await more;
  leaving.abort();
  await shown.next().catch(() => undefined);
});

test("a command that nobody follows keeps it awake, unless its policy goes by calls alone", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const worker = await host.create(daemon, policy);
  const server = await host.create(daemon, { autoSuspendPolicy: { ...policy.autoSuspendPolicy, keepAwake: [] } });
  const { execs } = daemon.control;
  const work = await execs.start(worker, { args: ["sleep", "100000"] }, never);
  await execs.start(server, { args: ["sleep", "100000"] }, never);
  for (let minutes = 0; minutes < 5; minutes++) {
    await host.pass(61 * second);
    await settle();
  }
  await inState(daemon, server, "Stopped");
  await expect
    .poll(() => kinds(daemon, worker))
    .toMatchObject({ state: "Running", sleeps: false, kinds: expect.arrayContaining(["exec"]) });
  await execs.delete({ ...worker, execId: work.id }, { force: true }, never);
  await host.pass(61 * second);
  await host.pass(61 * second);
  await inState(daemon, worker, "Stopped");
});

test("the program that was started with it does not keep it awake, unless its policy says so", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const program = { entrypoint: ["sleep", "100000"] };
  const served = await host.create(daemon, policy, program);
  const keepAwake = ["entrypoint" as const];
  const kept = await host.create(daemon, { autoSuspendPolicy: { ...policy.autoSuspendPolicy, keepAwake } }, program);
  await host.pass(61 * second);
  await inState(daemon, served, "Stopped");
  await settle();
  await expect.poll(async () => (await kinds(daemon, kept)).kinds).toContain("entrypoint");
});

test("a restarted daemon suspends nothing at once: the interval begins with it", async () => {
  await using host = new TimedHost();
  const first = await host.timed();
  const sandbox = await host.create(first, policy);
  await host.pass(50 * second);
  await first.close();
  host.alarm.pass(3_600 * second);
  const next = await host.timed();
  await host.pass(0);
  await settle();
  const { state, activity } = await next.control.sandboxes.get(sandbox);
  expect(state).toBe("Running");
  expect(activity?.keptAwakeBy[0]?.message).toBe("The daemon was started 0 s ago; its policy waits 60 s.");
  await host.pass(61 * second);
  await inState(next, sandbox, "Stopped");
});

test("setting the time of day suspends nothing and keeps nothing awake", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await host.create(daemon, policy);
  host.setBy = 86_400 * second;
  await host.pass(30 * second);
  await settle();
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  host.setBy = -86_400 * second;
  await host.pass(31 * second);
  await inState(daemon, sandbox, "Stopped");
});

test("a call that comes while the guest is asked wins", async () => {
  await using host = new TimedHost();
  const asked = signalled();
  const answer = signalled();
  const daemon = await host.timed({
    engine: (engine) => ({
      ...withMembers(engine),
      async start(spec, signal) {
        const machine = await engine.start(spec, signal);
        const { guest } = machine;
        const list = async (signal: AbortSignal) => {
          asked.resolve();
          await answer.promise;
          return guest.execs.list(signal);
        };
        const execs = replaced(guest.execs, { list });
        return replaced(machine, { guest: replaced(guest, { execs }) });
      },
    }),
  });
  const sandbox = await host.create(daemon, policy);
  host.alarm.pass(61 * second);
  await asked.promise;
  const { stdout } = await daemon.control.execs.runShellCommand(sandbox, { command: "echo hi" }, never);
  expect(stdout).toBe("hi\n");
  answer.resolve();
  await settle();
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  await host.pass(61 * second);
  await inState(daemon, sandbox, "Stopped");
});

test("a suspension that fails leaves it running, is told, and is tried again, ever less often", async () => {
  await using host = new TimedHost();
  let attempts = 0;
  const daemon = await host.timed({
    engine: (engine) => ({
      ...withMembers(engine),
      async start(spec, signal) {
        const machine = await engine.start(spec, signal);
        const suspend = async () => {
          attempts += 1;
          throw new AlcoveError("DiskFull", "The host's disk is full.");
        };
        return replaced(machine, { suspend });
      },
    }),
  });
  const sandbox = await host.create(daemon, policy);
  await host.pass(61 * second);
  await waitFor(() => (attempts === 1 ? true : undefined), soon());
  await inState(daemon, sandbox, "Running");
  await settle();
  const { activity } = await daemon.control.sandboxes.get(sandbox);
  expect(activity?.keptAwakeBy).toEqual([
    { kind: "failure", message: expect.stringContaining("tried again in 60 s: The host's disk is full.") },
  ]);
  await host.pass(50 * second);
  await settle();
  expect(attempts).toBe(1);
  await host.pass(11 * second);
  await waitFor(() => (attempts === 2 ? true : undefined), soon());
  await settle();
  await host.pass(100 * second);
  await settle();
  expect(attempts).toBe(2);
});

test("a policy that is set on an idle sandbox counts from its last use", async () => {
  await using host = new TimedHost();
  const daemon = await host.timed();
  const sandbox = await host.create(daemon, {});
  await expect.poll(() => kinds(daemon, sandbox)).toEqual({ state: "Running", kinds: ["policy"], sleeps: false });
  await host.pass(600 * second);
  await daemon.control.sandboxes.setLifecycle(sandbox, policy);
  await host.pass(0);
  await inState(daemon, sandbox, "Stopped");
});

/** So much time passes, and the one sandbox of the host has been looked at where it was due: it is due again. */
async function passed(host: TimedHost, seconds: number): Promise<void> {
  await host.pass(seconds * second);
  await waitFor(() => (host.alarm.timers.length > 0 ? true : undefined), soon());
}

/** A daemon whose guests say of their processors what the test says. */
function withCpu(host: TimedHost, cpu: { usageUsec: number }) {
  return host.timed({
    engine: (engine) => ({
      ...withMembers(engine),
      async start(spec, signal) {
        const machine = await engine.start(spec, signal);
        const { guest } = machine;
        const stats = async (signal: AbortSignal) => ({
          ...(await guest.stats(signal)),
          cpuUsageUsec: cpu.usageUsec,
        });
        return replaced(machine, { guest: replaced(guest, { stats }) });
      },
    }),
  });
}

test("busy processors keep it awake where its policy says so; it sleeps an interval after they were last seen busy", async () => {
  await using host = new TimedHost();
  const cpu = { usageUsec: 0 };
  const daemon = await withCpu(host, cpu);
  const busy = await host.create(daemon, { autoSuspendPolicy: { enabled: true, interval: 60, keepAwake: ["cpu"] } });
  const pass = async (seconds: number, usedSeconds: number) => {
    cpu.usageUsec += usedSeconds * 1_000_000;
    await passed(host, seconds);
  };
  await pass(31, 0);
  await pass(31, 3);
  await expect.poll(() => kinds(daemon, busy)).toEqual({ state: "Running", kinds: ["cpu"], sleeps: true });
  await pass(31, 0);
  cpu.usageUsec += 1_000_000;
  await host.pass(31 * second);
  await inState(daemon, busy, "Stopped");
});

test("what processors did before the last window does not keep it awake", async () => {
  await using host = new TimedHost();
  const cpu = { usageUsec: 0 };
  const daemon = await withCpu(host, cpu);
  const sandbox = await host.create(daemon, {
    autoSuspendPolicy: { enabled: true, interval: 600, keepAwake: ["cpu"] },
  });
  const pass = (seconds: number) => passed(host, seconds);
  await pass(571);
  await daemon.control.files.list(sandbox, "/", never);
  await pass(31);
  cpu.usageUsec += 500_000_000;
  await pass(540);
  expect((await daemon.control.sandboxes.get(sandbox)).state).toBe("Running");
  await host.pass(31 * second);
  await inState(daemon, sandbox, "Stopped");
});

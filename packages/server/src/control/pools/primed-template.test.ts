import type { CreateSandbox, Pool, PutPool, Sandbox } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, type TestDaemon, TestHost, withMembers } from "../test-daemon.js";

const small: CreateSandbox = { ...debian, resources: { tier: "XS" } };
const sources = { sourcesRef: { diskImage: { name: "debian" } }, resources: { tier: "XS" } } as const;
const primed: PutPool = { ...sources, minimum: 1, prime: ["sh", "-c", "echo primed >> /tmp/primed"] };

function until({ control }: Pick<TestDaemon, "control">, is: (pool: Pool) => boolean): Promise<Pool> {
  const look = async () => {
    const pool = await control.pools.get(group, "fast");
    return is(pool) ? pool : undefined;
  };
  return waitFor(look, AbortSignal.timeout(20_000));
}

async function filled(daemon: Pick<TestDaemon, "control">, body = primed): Promise<Pool> {
  await daemon.control.pools.put(group, "fast", body);
  return until(daemon, ({ ready, starting, primedAt }) => ready === body.minimum && starting === 0 && !!primedAt);
}

/** What the prime command left in the sandbox; empty where it has not run. */
async function marks({ control }: Pick<TestDaemon, "control">, { group, id }: Pick<Sandbox, "group" | "id">) {
  const command = "cat /tmp/primed 2>/dev/null; true";
  return (await control.execs.runShellCommand({ group, id }, { command }, never)).stdout;
}

test("a prime command runs once for all that its group creates of the image and size, from the pool or beside it", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  await filled(daemon);
  const program = { cmd: ["sh", "-c", "echo started > /tmp/started"] };
  const batch = await control.sandboxes.createBatch(group, 3, { ...small, ...program }, never);
  expect(batch).toMatchObject({ succeeded: 3 });
  expect((await control.pools.get(group, "fast")).claimed).toBeLessThan(3);
  for (const sandbox of batch.sandboxes) {
    expect(await marks(daemon, sandbox)).toBe("primed\n");
    expect(sandbox).toMatchObject({ generation: 1, sourcesRef: { diskImage: { name: "debian" } } });
    expect(sandbox.sourcesRef.snapshot).toBeUndefined();
    const read = { command: "cat", args: ["/tmp/started"] };
    const hasStarted = async () => (await control.execs.runCommand(sandbox, read, never)).stdout === "started\n";
    await waitFor(async () => (await hasStarted()) || undefined, AbortSignal.timeout(5_000));
    const execs = (await control.execs.list(sandbox, never)).map(({ id }) => id);
    expect(execs).toEqual([sandbox.entrypointExecId]);
  }
});

test("nobody else has anything of it: no other group, no other size", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  await control.groups.create({ name: "other" });
  await filled(daemon, { ...primed, minimum: 0 });
  expect(await marks(daemon, await control.sandboxes.create(group, small, never))).toBe("primed\n");
  expect(await marks(daemon, await control.sandboxes.create("other", small, never))).toBe("");
  const larger = { ...small, resources: { tier: "S" } } as const;
  expect(await marks(daemon, await control.sandboxes.create(group, larger, never))).toBe("");
  expect(await control.snapshots.count(group, {})).toBe(0);
  expect((await control.groups.get(group)).used).toMatchObject({ snapshots: 0 });
});

test("it goes with its pool, and what started from it goes on", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  await filled(daemon, { ...primed, minimum: 0 });
  const sandbox = await control.sandboxes.create(group, small, never);
  await control.pools.delete(group, "fast");
  expect(host.fake.snapshots.size).toBe(0);
  expect(await marks(daemon, sandbox)).toBe("primed\n");
  expect(await marks(daemon, await control.sandboxes.create(group, small, never))).toBe("");
});

test("a prime command that fails is told with the end of its output, and sandboxes start without", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const failing = "for n in 1 2 3 4 5 6; do echo line $n >&2; done; exit 3";
  await control.pools.put(group, "fast", { ...primed, prime: ["sh", "-c", failing] });
  const failed = await until(daemon, ({ message }) => message !== undefined);
  const lines = [2, 3, 4, 5, 6].map((number) => `line ${number}`).join(" / ");
  expect(failed).toMatchObject({ ready: 0, message: `The prime command ended with 3: ${lines}` });
  expect(failed.primedAt).toBeUndefined();
  expect(await marks(daemon, await control.sandboxes.create(group, small, never))).toBe("");
  await control.pools.put(group, "fast", { ...primed, minimum: 0, prime: ["sh", "-c", "echo why; exit 4"] });
  await until(daemon, ({ message }) => message === "The prime command ended with 4: why");
  await waitFor(() => host.fake.machines.size === 1 || undefined, AbortSignal.timeout(20_000));
  expect(host.fake.snapshots.size).toBe(0);
});

test("what resists the freeze is told, and nothing is kept of it", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  host.fake.faults.isFreezeRefused = true;
  await daemon.control.pools.put(group, "fast", primed);
  await until(daemon, ({ message }) => message === "A process resists the freeze.");
  await waitFor(() => host.fake.machines.size === 0 || undefined, AbortSignal.timeout(20_000));
  expect(host.fake.snapshots.size).toBe(0);
});

test("one that is of no use is made anew, and a sandbox that was about to start from it starts without", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const before = await filled(daemon, { ...primed, minimum: 0 });
  host.fake.snapshots.clear();
  expect(await marks(daemon, await control.sandboxes.create(group, small, never))).toBe("");
  await until(daemon, ({ primedAt }) => primedAt !== undefined && primedAt !== before.primedAt);
  expect(await marks(daemon, await control.sandboxes.create(group, small, never))).toBe("primed\n");
});

test("when the image's name means another content the command runs anew", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const create = (imageUrl: string) =>
    control.images.create(group, { name: "own", source: { kind: "registry", imageUrl } }, { isAdministrators: true });
  await create("registry.example.com/own:1");
  const before = await filled(daemon, { ...primed, minimum: 0, sourcesRef: { diskImage: { name: "own" } } });
  await control.images.delete(group, "own");
  await until(daemon, ({ primedAt }) => primedAt === undefined);
  await create("registry.example.com/own:2");
  await until(daemon, ({ primedAt }) => primedAt !== undefined && primedAt !== before.primedAt);
  expect(host.fake.snapshots.size).toBe(1);
});

test.each(["stops", "dies", "dies while it is taken"])(
  "a daemon that %s leaves it to the next, which makes its own",
  async (how) => {
    await using host = new TestHost();
    let goOn = () => {};
    const first = await host.daemon();
    if (how === "dies while it is taken") {
      host.fake.faults.snapshotDelay = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      await first.control.pools.put(group, "fast", primed);
      const isTaken = () => first.store.snapshots.all().some(({ status }) => status === "Creating") || undefined;
      await waitFor(isTaken, AbortSignal.timeout(20_000));
      delete host.fake.faults.snapshotDelay;
    } else await filled(first);
    const [old] = first.store.snapshots.all();
    if (how === "stops") await first.close();
    else first.store.close();
    const next = await host.daemon();
    await until(next, ({ ready, primedAt }) => ready === 1 && primedAt !== undefined);
    const isAlone = () => (host.fake.snapshots.size === 1 && next.store.snapshots.all().length === 1) || undefined;
    await waitFor(isAlone, AbortSignal.timeout(20_000));
    expect([...host.fake.snapshots.keys()]).toEqual(next.store.snapshots.all().map(({ id }) => id));
    expect([...host.fake.snapshots.keys()]).not.toContain(old?.id);
    expect(host.fake.machines.size).toBe(1);
    goOn();
  },
);

test("it goes with its group, as it is made too", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  await control.groups.create({ name: "doomed" });
  await control.pools.put("doomed", "fast", primed);
  const isPrimed = async () => (await control.pools.get("doomed", "fast")).primedAt !== undefined || undefined;
  await waitFor(isPrimed, AbortSignal.timeout(20_000));
  await control.groups.delete("doomed", { force: true }, never);
  await control.groups.create({ name: "doomed" });
  await control.pools.put("doomed", "fast", primed);
  await waitFor(() => host.fake.machines.size > 0 || undefined, AbortSignal.timeout(20_000));
  await control.groups.delete("doomed", { force: true }, never);
  expect([host.fake.machines.size, host.fake.snapshots.size, store.snapshots.all().length]).toEqual([0, 0, 0]);
});

test("a pool that is deleted while a sandbox starts from its template leaves it to that", async () => {
  await using host = new TestHost();
  let started = () => {};
  const isStarting = new Promise<void>((resolve) => {
    started = resolve;
  });
  let go = () => {};
  const mayGo = new Promise<void>((resolve) => {
    go = resolve;
  });
  let waits = false;
  const daemon = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      async start(spec, signal) {
        if (waits) {
          started();
          await mayGo;
        }
        return engine.start(spec, signal);
      },
    }),
  });
  const { control } = daemon;
  await filled(daemon, { ...primed, minimum: 0 });
  waits = true;
  const creating = control.sandboxes.create(group, small, never);
  await isStarting;
  await control.pools.delete(group, "fast");
  expect(host.fake.snapshots.size).toBe(1);
  go();
  expect(await marks(daemon, await creating)).toBe("primed\n");
  await waitFor(() => host.fake.snapshots.size === 0 || undefined, AbortSignal.timeout(20_000));
});

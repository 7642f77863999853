import { setTimeout } from "node:timers/promises";
import { AlcoveError, type Sandbox } from "@alcove/contract";
import { pino } from "pino";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, TestHost, withMembers } from "../test-daemon.js";
import { createBatch } from "./sandbox-batch.js";

const mixed = { ...debian, labels: { batch: "1" } };

test("a batch creates as many as were asked for, all with what was asked for", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const result = await control.sandboxes.createBatch(group, 40, mixed, never);
  expect(result).toMatchObject({ totalRequested: 40, succeeded: 40, failed: 0, errors: [] });
  expect(new Set(result.sandboxes.map(({ id }) => id)).size).toBe(40);
  expect(await control.sandboxes.count(group, { labels: { batch: "1" }, state: "Running" })).toBe(40);
});

test("those of a batch that cannot be created are told by their number, and the others are there", async () => {
  await using host = new TestHost();
  let starts = 0;
  const { control } = await host.daemon({
    engine: (own) => ({
      ...withMembers(own),
      async start(spec, signal) {
        starts += 1;
        if (starts % 5 === 0) throw new AlcoveError("GuestUnresponsive", "It did not boot.");
        if (starts === 7) throw new Error("a path of the host: /secret");
        return own.start(spec, signal);
      },
    }),
  });
  const result = await control.sandboxes.createBatch(group, 20, mixed, never);
  expect(result).toMatchObject({ totalRequested: 20, succeeded: 15, failed: 5 });
  expect(result.sandboxes).toHaveLength(15);
  const indexes = result.errors.map(({ index }) => index);
  expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b));
  expect(result.errors.map(({ problem }) => problem.code).sort()).toEqual([
    ...Array.from({ length: 4 }, () => "GuestUnresponsive"),
    "InternalError",
  ]);
  expect(JSON.stringify(result)).not.toContain("/secret");
  expect(await control.sandboxes.count(group, { state: "Running" })).toBe(15);
});

test("those of a batch are told in the order of their numbers, not in the one in which they came to be", async () => {
  const create = async (index: number) => {
    await setTimeout(40 - 10 * index);
    return { id: `${index}` } as Sandbox;
  };
  const { sandboxes } = await createBatch({ logger: pino({ level: "silent" }) }, 4, create);
  expect(sandboxes.map(({ id }) => id)).toEqual(["0", "1", "2", "3"]);
});

test("an image that is not there refuses the whole batch, and changes nothing", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const body = { sourcesRef: { diskImage: { name: "nix" } } };
  await expect(control.sandboxes.createBatch(group, 1_000, body, never)).rejects.toMatchObject({
    code: "ImageNotFound",
    field: "sourcesRef.diskImage.name",
  });
  expect(store.sandboxes.all()).toEqual([]);
});

test("a batch leaves others their turn: only a few of it are under way", async () => {
  await using host = new TestHost();
  host.fake.faults.startDelayMs = 20;
  const { control, store } = await host.daemon();
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, store.sandboxes.countByState().Creating ?? 0)), 1);
  await control.sandboxes.createBatch(group, 80, { ...mixed, resources: { memory: "512Mi" } }, never);
  clearInterval(timer);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(32);
});

test("a batch that is too large for the host creates what has room, and waits for the rest only once", async () => {
  await using host = new TestHost();
  const queueTimeoutMs = 1_000;
  const capacity = { reservedMemoryMiB: 1_024, memoryOvercommit: 1, maxConcurrentCreates: 4, queueTimeoutMs };
  const { control } = await host.daemon({ options: { capacity } });
  const began = Date.now();
  const result = await control.sandboxes.createBatch(group, 1_000, mixed, never);
  expect(Date.now() - began).toBeLessThan(8 * queueTimeoutMs);
  expect(result.succeeded).toBeGreaterThan(10);
  expect(result.succeeded + result.failed).toBe(1_000);
  expect(new Set(result.errors.map(({ problem }) => problem.code))).toEqual(new Set(["CapacityExceeded"]));
  expect(await control.sandboxes.count(group, { state: "Running" })).toBe(result.succeeded);
});

test("without waiting a creation answers Creating, and a deletion Deleting; both are carried to their end", async () => {
  await using host = new TestHost();
  host.fake.faults.startDelayMs = 50;
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never, { wait: false });
  expect(sandbox.state).toBe("Creating");
  await waitFor(async () => (await control.sandboxes.list(group, { state: "Running" }))[0], never);
  const gone = control.sandboxes.delete(sandbox, never, { wait: false });
  await gone;
  await waitFor(async () => (await control.sandboxes.count(group, {})) === 0 || undefined, never);
  expect(host.fake.machines.size).toBe(0);
});

test("a creation that nobody waited for and that fails says why in its record", async () => {
  await using host = new TestHost();
  host.fake.faults.startError = new AlcoveError("GuestUnresponsive", "The kernel did not boot.");
  const { control } = await host.daemon();
  const { id } = await control.sandboxes.create(group, debian, never, { wait: false });
  const [failed] = await waitFor(async () => {
    const found = await control.sandboxes.list(group, { state: "Failed" });
    return found.length > 0 ? found : undefined;
  }, never);
  expect(failed).toMatchObject({ id, stateDetails: { message: "The kernel did not boot." } });
});

test("a snapshot that is deleted while its memory is made ready stays until that is over, and nothing starts from it", async () => {
  await using host = new TestHost();
  let meanwhile: () => Promise<void> = async () => undefined;
  const marks: number[] = [];
  const { control } = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      saves: {
        ...requireDefined(engine.saves),
        async share(_snapshotId, { keptFreeBytes }) {
          marks.push(keptFreeBytes);
          await meanwhile();
        },
      },
    }),
  });
  const origin = await control.sandboxes.create(group, debian, never);
  const { id } = await control.snapshots.take(origin, {}, never);
  meanwhile = async () => {
    await control.snapshots.delete({ group, snapshotId: id });
    expect(host.fake.snapshots.has(id)).toBe(true);
  };
  const batch = await control.sandboxes.createBatch(group, 3, { sourcesRef: { snapshot: { id } } }, never);
  expect(batch).toMatchObject({ succeeded: 0, failed: 3 });
  expect(batch.errors.map(({ problem }) => problem.code)).toEqual(Array(3).fill("SnapshotNotFound"));
  await waitFor(() => (host.fake.snapshots.size === 0 ? true : undefined), AbortSignal.timeout(20_000));
  expect(marks).toEqual([1_073_741_824]);
});

test("nothing is made ready for a batch or for copies while the disk is full", async () => {
  await using host = new TestHost();
  let shared = 0;
  const { control } = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      saves: { ...requireDefined(engine.saves), share: async () => void shared++ },
    }),
  });
  const origin = await control.sandboxes.create(group, debian, never);
  const { id } = await control.snapshots.take(origin, {}, never);
  host.facts.disk = async () => ({ freeBytes: 1_000, totalBytes: 2_000 });
  const batch = control.sandboxes.createBatch(group, 3, { sourcesRef: { snapshot: { id } } }, never);
  await expect(batch).rejects.toMatchObject({ code: "DiskFull" });
  await expect(control.snapshots.fork(origin, { count: 3 }, never)).rejects.toMatchObject({ code: "DiskFull" });
  expect(shared).toBe(0);
});

function requireDefined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("There is none.");
  return value;
}

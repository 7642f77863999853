import type { UsageRecords } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hourMs } from "../../store/usage.js";
import { never, TestHost } from "../test-daemon.js";
import type { Clocks } from "./usage-clock.js";

const start = Date.parse("2026-03-31T22:30:00Z");
const second = 1_000;

/** A host's clocks that the test moves. */
class TestClocks implements Clocks {
  #wall = start;
  #monotonic = 5_000_000;
  readonly wall = () => this.#wall;
  readonly monotonic = () => this.#monotonic;

  pass(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  readonly every = (_periodMs: number, work: () => void) => {
    this.tick = work;
    return () => {};
  };

  /** A minute is over: the newest daemon does what it does then. */
  tick: () => void = () => {};

  /** Somebody sets the time of day. */
  step(ms: number): void {
    this.#wall += ms;
  }

  reboot(): void {
    this.#monotonic = 1_000;
  }
}

const small = { sourcesRef: { diskImage: { name: "debian" } }, resources: { tier: "S" } } as const;

async function startDaemon(host: TestHost, clocks: Clocks) {
  return host.daemon({ options: { clocks } });
}

const always = { from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z" };
const everything = { ...always, per: "range" } as const;
type Total = Pick<UsageRecords["records"][number], "coreSeconds" | "memoryGiBSeconds" | "diskGiBSeconds">;
const nothing: Total = { coreSeconds: 0, memoryGiBSeconds: 0, diskGiBSeconds: 0 };

async function totalOf({ control }: Awaited<ReturnType<typeof startDaemon>>, group = "default"): Promise<Total> {
  const [record = nothing] = (await control.usage.records(group, everything)).records;
  const { coreSeconds, memoryGiBSeconds, diskGiBSeconds } = record;
  return { coreSeconds, memoryGiBSeconds, diskGiBSeconds };
}

test("cores and memory count while a sandbox runs, disk for as long as it is on record", async () => {
  await using host = new TestHost();
  const clocks = new TestClocks();
  const daemon = await startDaemon(host, clocks);
  const { id } = await daemon.control.sandboxes.create("default", small, never);
  clocks.pass(100 * second);
  expect(await totalOf(daemon)).toEqual({ coreSeconds: 50, memoryGiBSeconds: 100, diskGiBSeconds: 2_000 });
  host.fake.machines.get(id)?.stop({ reason: "GuestExited", message: "It powered off." });
  await expect.poll(async () => (await daemon.control.sandboxes.get({ group: "default", id })).state).toBe("Stopped");
  clocks.pass(10 * second);
  expect(await totalOf(daemon)).toEqual({ coreSeconds: 50, memoryGiBSeconds: 100, diskGiBSeconds: 2_200 });
  await daemon.control.sandboxes.delete({ group: "default", id }, never);
  clocks.pass(hourMs);
  expect(await totalOf(daemon)).toEqual({ coreSeconds: 50, memoryGiBSeconds: 100, diskGiBSeconds: 2_200 });
});

test("records are by the hour or day of UTC, and for each value of a label as it was at the time", async () => {
  await using host = new TestHost();
  const clocks = new TestClocks();
  const daemon = await startDaemon(host, clocks);
  const { sandboxes, usage } = daemon.control;
  const { id } = await sandboxes.create("default", { ...small, labels: { team: "red" } }, never);
  await sandboxes.create("default", { ...small, labels: { other: "1" } }, never);
  clocks.pass(hourMs);
  await sandboxes.changeLabels({ group: "default", id }, { team: "blue" });
  clocks.pass(hourMs);
  const cores = async (query: Parameters<typeof usage.records>[1]) =>
    (await usage.records("default", query)).records.map(({ from, to, value, coreSeconds }) => [
      from.slice(5, 16),
      to.slice(5, 16),
      ...(value === undefined ? [] : [value]),
      coreSeconds,
    ]);
  expect(await cores({})).toEqual([
    ["03-31T22:00", "03-31T23:00", 1_800],
    ["03-31T23:00", "04-01T00:00", 3_600],
    ["04-01T00:00", "04-01T01:00", 1_800],
  ]);
  expect(await cores({ label: "team", per: "day" })).toEqual([
    ["03-31T00:00", "04-01T00:00", null, 2_700],
    ["03-31T00:00", "04-01T00:00", "blue", 900],
    ["03-31T00:00", "04-01T00:00", "red", 1_800],
    ["04-01T00:00", "04-01T01:00", null, 900],
    ["04-01T00:00", "04-01T01:00", "blue", 900],
  ]);
  expect((await usage.get("default")).month).toMatchObject({ from: "2026-04-01T00:00:00.000Z", coreSeconds: 1_800 });
});

test("a group sees its own use only, and its records go with it", async () => {
  await using host = new TestHost();
  const clocks = new TestClocks();
  const daemon = await startDaemon(host, clocks);
  const { control } = daemon;
  await control.groups.create({ name: "g" });
  await control.sandboxes.create("g", small, never);
  clocks.pass(hourMs);
  expect((await totalOf(daemon, "g")).coreSeconds).toBe(1_800);
  expect(await totalOf(daemon)).toEqual(nothing);
  await control.groups.delete("g", { force: true }, never);
  await control.groups.create({ name: "g" });
  expect(await totalOf(daemon, "g")).toEqual(nothing);
});

test("setting the clock forth or back adds nothing and takes nothing away", async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ pass: fc.integer({ min: 0, max: 3 * hourMs }) }),
      fc.record({ step: fc.integer({ min: -50 * hourMs, max: 50 * hourMs }) }),
      fc.constant({ tick: true }),
    ),
    { maxLength: 12 },
  );
  await using host = new TestHost();
  const clocks = new TestClocks();
  const { control } = await startDaemon(host, clocks);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (moves) => {
      const group = `run-${runs++}`;
      clocks.step(start - clocks.wall());
      clocks.tick();
      await control.groups.create({ name: group });
      await using _ = { [Symbol.asyncDispose]: () => control.groups.delete(group, { force: true }, never) };
      await control.sandboxes.create(group, small, never);
      let passedMs = 0;
      for (const move of moves) {
        if ("pass" in move) {
          clocks.pass(move.pass);
          passedMs += move.pass;
        } else if ("step" in move) clocks.step(move.step);
        else clocks.tick();
      }
      const { records } = await control.usage.records(group, always);
      const sum = records.reduce((cores, { coreSeconds }) => cores + coreSeconds, 0);
      expect(sum).toBeCloseTo(passedMs / 2_000, 6);
      for (const { coreSeconds, diskGiBSeconds } of records) {
        expect(coreSeconds).toBeGreaterThanOrEqual(0);
        expect(diskGiBSeconds).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 40 },
  );
});

test("after the clock was set, what is used is on record under the time that it shows", async () => {
  await using host = new TestHost();
  const clocks = new TestClocks();
  const daemon = await startDaemon(host, clocks);
  await daemon.control.sandboxes.create("default", small, never);
  clocks.pass(10 * second);
  clocks.step(-48 * hourMs);
  clocks.tick();
  clocks.pass(20 * second);
  const { records } = await daemon.control.usage.records("default", { ...always, per: "day" });
  expect(records.map(({ from, coreSeconds }) => [from.slice(0, 10), coreSeconds])).toEqual([
    ["2026-03-29", 10],
    ["2026-03-31", 5],
  ]);
});

test("a daemon that was killed: what it left running counts on, what is lost counts up to when it was last seen", async () => {
  await using host = new TestHost();
  const clocks = new TestClocks();
  const first = await startDaemon(host, clocks);
  const adopted = await first.control.sandboxes.create("default", { ...small, labels: { is: "adopted" } }, never);
  const lost = await first.control.sandboxes.create("default", { ...small, labels: { is: "lost" } }, never);
  clocks.pass(60 * second);
  clocks.tick();
  clocks.pass(30 * second);
  first.store.close();
  host.fake.machines.delete(lost.id);
  clocks.pass(110 * second);
  const next = await startDaemon(host, clocks);
  const { records } = await next.control.usage.records("default", { ...everything, label: "is" });
  expect(records.map(({ value, coreSeconds, diskGiBSeconds }) => [value, coreSeconds, diskGiBSeconds])).toEqual([
    ["adopted", 100, 4_000],
    ["lost", 30, 4_000],
  ]);
  expect((await next.control.sandboxes.get(adopted)).state).toBe("Running");
});

test("while the host was down nothing counts, even when its clock was wrong when it came up", async () => {
  await using host = new TestHost();
  const clocks = new TestClocks();
  const first = await startDaemon(host, clocks);
  await first.control.sandboxes.create("default", small, never);
  clocks.pass(100 * second);
  clocks.tick();
  first.store.close();
  host.fake.machines.clear();
  clocks.step(-20 * hourMs);
  clocks.reboot();
  const next = await startDaemon(host, clocks);
  expect(await totalOf(next)).toEqual({ coreSeconds: 50, memoryGiBSeconds: 100, diskGiBSeconds: 2_000 });
  clocks.pass(10 * second);
  clocks.step(21 * hourMs);
  clocks.tick();
  clocks.pass(10 * second);
  expect(await totalOf(next)).toEqual({ coreSeconds: 50, memoryGiBSeconds: 100, diskGiBSeconds: 2_400 });
});

test("records are kept for as long as is configured", async () => {
  await using host = new TestHost();
  const clocks = new TestClocks();
  const daemon = await host.daemon({ options: { clocks, usageRetentionDays: 2 } });
  await daemon.control.sandboxes.create("default", small, never);
  for (let hour = 0; hour < 24 * 4; hour++) {
    clocks.pass(hourMs);
    clocks.tick();
  }
  const { records } = await daemon.control.usage.records("default", always);
  expect(records.length).toBeGreaterThanOrEqual(48);
  expect(records.length).toBeLessThanOrEqual(50);
});

test("a time that ends before it begins, and an answer that would be too long, are refused with what to do", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const backwards = { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" };
  await expect(control.usage.records("default", backwards)).rejects.toMatchObject({ field: "from" });
  const size = { cpuMillicores: 1_000, memoryMiB: 1_024, diskMiB: 20_480 };
  const at = store.usage.clock()?.settledTo ?? 0;
  store.transaction(() => {
    for (let number = 0; number < 10_001; number++) {
      const id = `s${number}`;
      store.usage.open({ sandboxId: id, group: "default", labels: { run: id }, size, runs: true }, at);
      store.usage.close(id, at + 1_000);
    }
  });
  await expect(control.usage.records("default", { ...everything, label: "run" })).rejects.toThrow("10001 records");
  expect((await control.usage.records("default", { ...everything, label: "other" })).records).toHaveLength(1);
});

import type { Quota } from "@alcove/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { debian, never, TestHost } from "../test-daemon.js";

async function groupWith(host: TestHost, quota: Quota) {
  const daemon = await host.daemon();
  await daemon.control.groups.create({ name: "g", quota, defaults: debianDefaults });
  return daemon;
}

const debianDefaults = { diskImage: { name: "debian" }, resources: { tier: "S" } } as const;

test("beyond the quota a creation is refused with what is used, what was asked for and the limit, and nothing is changed", async () => {
  await using host = new TestHost();
  const { control } = await groupWith(host, { cores: 1.2 });
  await control.sandboxes.create("g", {}, never);
  await control.sandboxes.create("g", {}, never);
  await expect(control.sandboxes.create("g", {}, never)).rejects.toMatchObject({
    code: "QuotaExceeded",
    status: 429,
    field: "quota.cores",
    message: "The quota of the group g does not allow it: cores: 1 used, 0.5 asked for, and the limit is 1.2.",
  });
  expect(await control.sandboxes.count("g", {})).toBe(2);
  expect((await control.groups.get("g")).used).toMatchObject({ cores: 1, memory: "2048Mi", disk: "40960Mi" });
  await control.sandboxes.create("default", debian, never);
});

test("however many come at once, no more are let in than the quota allows", async () => {
  const creations = fc.array(fc.constantFrom("XS", "S", "M", "L"), { minLength: 1, maxLength: 12 });
  const quota = fc.record({ cores: fc.integer({ min: 0, max: 4 }), sandboxes: fc.integer({ min: 0, max: 8 }) });
  await fc.assert(
    fc.asyncProperty(creations, quota, async (tiers, limits) => {
      await using host = new TestHost();
      const { control } = await groupWith(host, limits);
      const outcomes = await Promise.allSettled(
        tiers.map((tier) => control.sandboxes.create("g", { resources: { tier } }, never)),
      );
      const { used } = await control.groups.get("g");
      expect(used.cores).toBeLessThanOrEqual(limits.cores);
      expect(used.sandboxes).toBeLessThanOrEqual(limits.sandboxes);
      expect(used.sandboxes).toBe(outcomes.filter(({ status }) => status === "fulfilled").length);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "QuotaExceeded" });
      }
    }),
    { numRuns: 25 },
  );
});

test("what a sandbox took is given back as it stops, fails and is deleted: cores and memory first, the rest when it is gone", async () => {
  await using host = new TestHost();
  const { control } = await groupWith(host, {});
  const used = async () => (await control.groups.get("g")).used;
  const { id } = await control.sandboxes.create("g", {}, never);
  host.fake.machines.get(id)?.stop({ reason: "GuestExited", message: "It powered off." });
  await expect.poll(used).toMatchObject({ cores: 0, memory: "0Mi", disk: "20480Mi", sandboxes: 1 });
  await control.sandboxes.delete({ group: "g", id }, never);
  expect(await used()).toEqual({ cores: 0, memory: "0Mi", disk: "0Mi", sandboxes: 0, images: 0, snapshots: 0 });

  host.fake.faults.startError = new Error("no luck");
  await expect(control.sandboxes.create("g", {}, never)).rejects.toThrow();
  expect(await used()).toMatchObject({ cores: 0, memory: "0Mi", disk: "20480Mi", sandboxes: 1 });
});

test("a quota below what is used ends nothing, and lets nothing more in", async () => {
  await using host = new TestHost();
  const { control } = await groupWith(host, {});
  const { id } = await control.sandboxes.create("g", {}, never);
  await control.groups.setQuota("g", { memory: "0Gi" });
  expect((await control.sandboxes.get({ group: "g", id })).state).toBe("Running");
  await expect(control.sandboxes.create("g", {}, never)).rejects.toMatchObject({ field: "quota.memory" });
});

test("two groups cannot exhaust each other: a full one, and one with a long queue, leave the other its turn", async () => {
  await using host = new TestHost();
  host.fake.faults.startDelayMs = 20;
  const capacity = { reservedMemoryMiB: 0, memoryOvercommit: 1, maxConcurrentCreates: 1, queueTimeoutMs: 60_000 };
  const { control } = await host.daemon({ options: { capacity } });
  for (const name of ["greedy", "modest"]) await control.groups.create({ name, defaults: debianDefaults });
  const order: string[] = [];
  const create = (group: string) => control.sandboxes.create(group, {}, never).then(() => order.push(group));
  const greedy = Array.from({ length: 20 }, () => create("greedy"));
  await create("modest");
  expect(order.length).toBeLessThan(6);
  await Promise.all(greedy);
});

test("as many creations as one group may have under way do not keep another from having some", async () => {
  await using host = new TestHost();
  const { control, close } = await host.daemon();
  await control.groups.create({ name: "g", defaults: debianDefaults });
  let finish: () => void = () => undefined;
  host.images.building = new Promise((resolve) => (finish = resolve));
  const creations = Array.from({ length: 512 }, () => control.sandboxes.create("default", debian, never));
  const settled = Promise.allSettled(creations);
  await expect.poll(() => control.sandboxes.count("default", { state: "Creating" })).toBe(512);
  await expect(control.sandboxes.create("default", debian, never)).rejects.toMatchObject({ code: "TooManyRequests" });
  const other = control.sandboxes.create("g", {}, never).catch(() => undefined);
  await expect.poll(() => control.sandboxes.count("g", {})).toBe(1);
  const closed = close();
  finish();
  await Promise.all([closed, settled, other]);
});

import { setTimeout as pause } from "node:timers/promises";
import { type CreateSandbox, type Pool, type PutPool, tiers } from "@alcove/contract";
import { afterEach, expect, test, vi } from "vitest";
import type { FakeMachine } from "../../engines/fake/machine.js";
import { waitFor } from "../../lib/backoff.js";
import type { CrashPoint } from "../crash-points.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

const small: CreateSandbox = { ...debian, resources: { tier: "XS" } };
const two: PutPool = { sourcesRef: { diskImage: { name: "debian" } }, resources: { tier: "XS" }, minimum: 2 };

afterEach(() => void vi.useRealTimers());

/** Makes the pool, and waits until it has what it shall have. */
async function filled({ control }: TestDaemon, body: PutPool = two, name = "fast"): Promise<Pool> {
  await control.pools.put(group, name, body);
  return until({ control }, ({ ready, starting }) => ready === body.minimum && starting === 0, name);
}

function until({ control }: Pick<TestDaemon, "control">, is: (pool: Pool) => boolean, name = "fast"): Promise<Pool> {
  const look = async () => {
    const pool = await control.pools.get(group, name);
    return is(pool) ? pool : undefined;
  };
  return waitFor(look, AbortSignal.timeout(20_000));
}

const idsOf = (host: TestHost) => [...host.fake.machines.keys()];

test("a creation takes a member: its id, its machine, with environment, program and labels of its own", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  expect(await filled(daemon)).toMatchObject({ ready: 2, starting: 0, claimed: 0, minimum: 2, maximum: 2 });
  const members = idsOf(host);
  const sandbox = await control.sandboxes.create(
    group,
    { ...small, environment: { NAME: "ada" }, labels: { is: "first" }, cmd: ["sh", "-c", "echo $NAME > /tmp/name"] },
    never,
  );
  expect(members).toContain(sandbox.id);
  expect(sandbox).toMatchObject({ state: "Running", generation: 1, labels: { is: "first" } });
  const run = async (command: string) => (await control.execs.runShellCommand(sandbox, { command }, never)).stdout;
  await waitFor(async () => ((await run("cat /tmp/name")) === "ada\n" ? true : undefined), AbortSignal.timeout(20_000));
  expect(host.fake.machines.get(sandbox.id)?.health().generation).toBe(1);
  expect(host.fake.machines.get(sandbox.id)?.hostname).toBe(`sandbox-${sandbox.id.slice(0, 8)}`);
  expect(await until(daemon, ({ ready }) => ready === 2)).toMatchObject({ claimed: 1 });
  expect(idsOf(host)).toHaveLength(3);
  expect(await control.sandboxes.list(group, {})).toHaveLength(1);
});

test.each([
  ["of another size", { ...debian, resources: { tier: "S" } }],
  ["of another image", { ...small, sourcesRef: { diskImage: { name: "own" } } }],
] as const)("a creation %s takes none", async (_what, body) => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await daemon.control.images.create(
    group,
    { name: "own", source: { kind: "registry", imageUrl: "registry.example.com/own" } },
    { isAdministrators: true },
  );
  await filled(daemon);
  const members = idsOf(host);
  const { id } = await daemon.control.sandboxes.create(group, body, never);
  expect(members).not.toContain(id);
  expect(await daemon.control.pools.get(group, "fast")).toMatchObject({ ready: 2, claimed: 0 });
});

test("another group's pool serves nobody but that group", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await daemon.control.groups.create({ name: "other" });
  await filled(daemon);
  const members = idsOf(host);
  const { id } = await daemon.control.sandboxes.create("other", small, never);
  expect(members).not.toContain(id);
});

test("fifty creations at once with a pool of three all run, three of them from the pool, none twice", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await filled(daemon, { ...two, minimum: 3 });
  const members = idsOf(host);
  const create = () => daemon.control.sandboxes.create(group, small, new AbortController().signal);
  const sandboxes = await Promise.all(Array.from({ length: 50 }, create));
  const ids = sandboxes.map(({ id }) => id);
  expect(new Set(ids).size).toBe(50);
  expect(sandboxes.map(({ state }) => state)).toEqual(ids.map(() => "Running"));
  expect(ids.filter((id) => members.includes(id)).sort()).toEqual(members.sort());
  const { claimed } = await until(daemon, ({ ready, starting }) => ready === 3 && starting === 0);
  expect(claimed).toBeGreaterThanOrEqual(3);
  expect(idsOf(host)).toHaveLength(53);
});

const faults: readonly (readonly [string, (machine: FakeMachine) => void])[] = [
  ["died", (machine) => machine.stop({ reason: "EngineLost", message: "Killed." })],
  [
    "does not answer",
    (machine) => {
      machine.isSilent = true;
    },
  ],
];

test.each(faults)(
  "a member that %s when it is claimed is not noticed by who creates",
  { timeout: 15_000 },
  async (_how, fail) => {
    await using host = new TestHost();
    let member: FakeMachine | undefined;
    const crashPoint: CrashPoint = (name) => {
      if (name === "claim.beforeRenew" && member) fail(member);
    };
    const daemon = await host.daemon({ options: { crashPoint } });
    await filled(daemon, { ...two, minimum: 1 });
    [member] = host.fake.machines.values();
    const sandbox = await daemon.control.sandboxes.create(group, { ...small, environment: { NAME: "ada" } }, never);
    expect(sandbox).toMatchObject({ id: member?.id, state: "Running" });
    expect(host.fake.machines.get(sandbox.id)).not.toBe(member);
    const { stdout } = await daemon.control.execs.runShellCommand(sandbox, { command: "echo $NAME" }, never);
    expect(stdout).toBe("ada\n");
    expect((await daemon.control.pools.get(group, "fast")).claimed).toBe(0);
  },
);

test("a creation that is refused when it has a member takes nobody's: the member ends, and another one comes", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await filled(daemon, { ...two, minimum: 1 });
  const [member = ""] = idsOf(host);
  const { disk } = host.facts;
  host.facts.disk = async () => ({ freeBytes: 0, totalBytes: 1 });
  await expect(daemon.control.sandboxes.create(group, small, never)).rejects.toMatchObject({ code: "DiskFull" });
  expect(idsOf(host)).not.toContain(member);
  expect((await until(daemon, ({ message }) => message !== undefined)).message).toMatch(
    /^The disk of the data directory/,
  );
  expect(idsOf(host)).toEqual([]);
  host.facts.disk = disk;
  await until(daemon, ({ ready }) => ready === 1);
  expect(await daemon.control.sandboxes.list(group, {})).toEqual([]);
});

test("a group at its quota gets no member by asking again and again, nor wears its pool out", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await filled(daemon, { ...two, minimum: 1 });
  await daemon.control.groups.setQuota(group, { sandboxes: 0 });
  for (let count = 0; count < 3; count++) {
    await expect(daemon.control.sandboxes.create(group, small, never)).rejects.toMatchObject({ code: "QuotaExceeded" });
  }
  expect(await daemon.control.pools.get(group, "fast")).toMatchObject({ ready: 1, claimed: 0 });
});

test("members that die are replaced, and not in a hurry", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await filled(daemon, { ...two, minimum: 1 });
  const [first = ""] = idsOf(host);
  host.fake.machines.get(first)?.powerOff();
  const seen = await until(daemon, ({ ready }) => ready === 0);
  expect(seen.message).toBe("A sandbox of the pool ended: The guest powered off.");
  expect(await until(daemon, ({ ready }) => ready === 1)).not.toHaveProperty("message");
  expect(idsOf(host)).toHaveLength(1);
  expect(idsOf(host)).not.toContain(first);
});

test("a pool follows the creations of the last minute up to its maximum, and shrinks back", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await filled(daemon, { ...two, minimum: 0, maximum: 2 });
  expect(idsOf(host)).toEqual([]);
  for (let count = 0; count < 3; count++) await daemon.control.sandboxes.create(group, small, never);
  await until(daemon, ({ ready, starting }) => ready === 2 && starting === 0);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
  await daemon.control.pools.put(group, "fast", { ...two, minimum: 0, maximum: 1 });
  expect(await daemon.control.pools.get(group, "fast")).toMatchObject({ ready: 0 });
  await waitFor(() => (idsOf(host).length === 3 ? true : undefined), AbortSignal.timeout(20_000));
});

test("a pool is filled while no creation waits, and gives its memory back when one does", async () => {
  await using host = new TestHost();
  const capacity = { reservedMemoryMiB: 0, memoryOvercommit: 1, maxConcurrentCreates: 4, queueTimeoutMs: 3_000 };
  host.facts.totalMemoryMiB = 4 * tiers.XS.memoryMiB;
  const daemon = await host.daemon({ options: { capacity } });
  await daemon.control.pools.put(group, "fast", { ...two, minimum: 10 });
  await until(daemon, ({ ready, starting }) => ready === 4 && starting === 0);
  const full = await until(daemon, ({ message }) => message !== undefined);
  expect(full.message).toBe("It waits until no creation needs the host.");
  const large = await daemon.control.sandboxes.create(group, { ...debian, resources: { tier: "S" } }, never);
  expect(large.state).toBe("Running");
  expect(await daemon.control.pools.get(group, "fast")).toMatchObject({ ready: 2 });
  await daemon.control.sandboxes.delete(large, never);
  await until(daemon, ({ ready }) => ready === 4);
});

test("a pool is no way around the quota of cores and memory, and takes none of it from sandboxes", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await daemon.control.groups.setQuota(group, { cores: 1, sandboxes: 2 });
  await daemon.control.pools.put(group, "fast", { ...two, minimum: 5 });
  await until(daemon, ({ ready }) => ready === 4);
  expect((await until(daemon, ({ message }) => message !== undefined)).message).toBe(
    "The group's quota has no room for more.",
  );
  const other = await daemon.control.sandboxes.create(group, { ...debian, resources: { tier: "S" } }, never);
  expect(other.state).toBe("Running");
  expect((await daemon.control.pools.get(group, "fast")).ready).toBe(2);
  await daemon.control.sandboxes.create(group, small, never);
  await expect(daemon.control.sandboxes.create(group, small, never)).rejects.toMatchObject({ code: "QuotaExceeded" });
  expect((await daemon.control.pools.get(group, "fast")).ready).toBeGreaterThanOrEqual(1);
});

test("when the image's name means another content the members are made anew", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const create = (imageUrl: string) =>
    daemon.control.images.create(
      group,
      { name: "own", source: { kind: "registry", imageUrl } },
      { isAdministrators: true },
    );
  await create("registry.example.com/own:1");
  await filled(daemon, { ...two, sourcesRef: { diskImage: { name: "own" } }, minimum: 1 });
  const [old = ""] = idsOf(host);
  await daemon.control.images.delete(group, "own");
  await until(daemon, ({ ready }) => ready === 0);
  await create("registry.example.com/own:2");
  await until(daemon, ({ ready }) => ready === 1);
  expect(idsOf(host)).toHaveLength(1);
  expect(idsOf(host)).not.toContain(old);
});

test("a daemon that stops ends its members; one that dies leaves them to the next; either way the pool is full again", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  await filled(first);
  const kept = await first.control.sandboxes.create(group, small, never);
  await first.close();
  expect(idsOf(host)).toEqual([kept.id]);
  const second = await host.daemon();
  await until(second, ({ ready }) => ready === 2);
  const members = idsOf(host);
  second.store.close();
  const third = await host.daemon();
  await until(third, ({ ready }) => ready === 2);
  expect(idsOf(host)).toHaveLength(3);
  expect(idsOf(host).filter((id) => members.includes(id))).toEqual([kept.id]);
});

test("a pool that is deleted leaves nothing, nor does one whose group is", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  await filled(daemon);
  const sandbox = await control.sandboxes.create(group, small, never);
  await control.pools.delete(group, "fast");
  await control.sandboxes.delete(sandbox, never);
  expect(idsOf(host)).toEqual([]);
  await expect(control.pools.get(group, "fast")).rejects.toMatchObject({ code: "PoolNotFound" });
  await expect(control.pools.delete(group, "fast")).rejects.toMatchObject({ code: "PoolNotFound" });
  await control.groups.create({ name: "doomed" });
  await control.pools.put("doomed", "fast", two);
  await waitFor(() => (idsOf(host).length > 0 ? true : undefined), AbortSignal.timeout(20_000));
  await control.groups.delete("doomed", { force: true }, never);
  await pause(50);
  expect(idsOf(host)).toEqual([]);
  expect(daemon.store.pools.all()).toEqual([]);
});

test("what cannot be is refused: an image that is nowhere, a size that never fits, a seventeenth pool", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const put = (name: string, body: Partial<PutPool>) => control.pools.put(group, name, { ...two, minimum: 0, ...body });
  await expect(put("a", { sourcesRef: { diskImage: { name: "nowhere" } } })).rejects.toMatchObject({
    code: "ImageNotFound",
    field: "sourcesRef.diskImage.name",
  });
  await expect(put("a", { resources: { cpu: "16" } })).rejects.toMatchObject({ code: "CapacityExceeded" });
  for (let count = 0; count < 16; count++) await put(`pool-${count}`, {});
  await expect(put("another", {})).rejects.toMatchObject({ code: "PoolLimitReached" });
  expect(await put("pool-3", { maximum: 7 })).toMatchObject({ maximum: 7 });
  expect(await control.pools.list(group)).toHaveLength(16);
});

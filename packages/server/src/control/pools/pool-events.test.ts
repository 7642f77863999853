import type { AlcoveEvent, Pool, PutPool } from "@alcove/contract";
import { expect, test } from "vitest";
import { emptyConfig } from "../../images/image.js";
import { waitFor } from "../../lib/backoff.js";
import type { CrashPoint } from "../crash-points.js";
import { group, never, type TestDaemon, TestHost } from "../test-daemon.js";

const resources = { tier: "XS" } as const;
const pool: PutPool = { sourcesRef: { diskImage: { name: "debian" } }, resources, minimum: 1 };

/** All that is told from now on. */
function followed({ control }: TestDaemon, signal: AbortSignal): AlcoveEvent[] {
  const told: AlcoveEvent[] = [];
  void (async () => {
    for await (const event of control.events.follow(group, 0, signal)) told.push(event);
  })();
  return told;
}

const poolsIn = (told: readonly AlcoveEvent[]): Pool[] =>
  told.flatMap((event) => (event.type === "pool.changed" ? [event.pool] : []));

function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  return waitFor(async () => look(), AbortSignal.timeout(20_000));
}

test("what a pool holds is told as it changes, as is that it goes", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const over = new AbortController();
  const told = followed(daemon, over.signal);
  await daemon.control.pools.put(group, "fast", pool);
  await until(() => poolsIn(told).find(({ ready, starting }) => ready === 1 && starting === 0));
  expect(poolsIn(told)[0]).toMatchObject({ name: "fast", ready: 0, claimed: 0 });
  await daemon.control.sandboxes.create(group, { sourcesRef: pool.sourcesRef, resources }, never);
  const last = await until(() => poolsIn(told).find(({ ready, claimed }) => ready === 1 && claimed === 1));
  expect(last).toEqual(await daemon.control.pools.get(group, "fast"));
  await daemon.control.pools.delete(group, "fast");
  await until(() => told.find((event) => event.type === "pool.deleted" && event.name === "fast"));
  const count = poolsIn(told).length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(poolsIn(told)).toHaveLength(count);
  over.abort();
});

test("of many changes at once the last is told", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  await daemon.control.pools.put(group, "fast", { ...pool, minimum: 10 });
  await until(async () => ((await daemon.control.pools.get(group, "fast")).ready === 10 ? true : undefined));
  const over = new AbortController();
  const told = followed(daemon, over.signal);
  const create = () => daemon.control.sandboxes.create(group, { sourcesRef: pool.sourcesRef, resources }, never);
  await Promise.all(Array.from({ length: 10 }, create));
  await until(() => poolsIn(told).find(({ claimed, ready }) => claimed === 10 && ready === 10));
  const claims = new Set(poolsIn(told).map(({ claimed }) => claimed));
  expect(claims.size).toBeLessThan(6);
  over.abort();
});

const image = { name: "own", source: { kind: "registry", imageUrl: "registry.example.com/own:1" } } as const;
const ofOwn = { sourcesRef: { diskImage: { name: "own" } }, resources };

test("members are made anew when the image says something else of itself, though its disk is the same", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  host.images.config = { ...emptyConfig, environment: { NAME: "ada" } };
  await control.images.create(group, image, { isAdministrators: true });
  await control.pools.put(group, "fast", { ...ofOwn, minimum: 1 });
  await until(async () => ((await control.pools.get(group, "fast")).ready === 1 ? true : undefined));
  const [old] = host.fake.machines.keys();
  host.images.config = { ...emptyConfig, environment: { NAME: "grace" } };
  await control.images.create(group, image, { isAdministrators: true });
  await until(() => (host.fake.machines.size === 1 && !host.fake.machines.has(old ?? "") ? true : undefined));
});

test("a member whose image says something else in the moment that it is claimed becomes no sandbox", async () => {
  await using host = new TestHost();
  let change: () => void = () => undefined;
  const crashPoint: CrashPoint = (name) => {
    if (name === "claim.beforeRenew") change();
  };
  const daemon = await host.daemon({ options: { crashPoint } });
  const { control, store } = daemon;
  host.images.config = { ...emptyConfig, environment: { NAME: "ada" } };
  await control.images.create(group, image, { isAdministrators: true });
  await control.pools.put(group, "fast", { ...ofOwn, minimum: 1 });
  await until(async () => ((await control.pools.get(group, "fast")).ready === 1 ? true : undefined));
  change = () => {
    const record = store.images.find(group, "own");
    if (record) store.images.put({ ...record, config: { ...emptyConfig, environment: { NAME: "grace" } } });
  };
  const sandbox = await control.sandboxes.create(group, ofOwn, never);
  const { stdout } = await control.execs.runShellCommand(sandbox, { command: "echo $NAME" }, never);
  expect(stdout).toBe("grace\n");
});

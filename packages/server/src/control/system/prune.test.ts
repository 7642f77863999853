import { PrunedSystem } from "@alcove/contract";
import { expect, test } from "vitest";
import type { Leftover } from "../../engines/engine.js";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, type TestDaemon, TestHost, withMembers } from "../test-daemon.js";

const xs = { ...debian, resources: { tier: "XS" } } as const;

async function pulled({ control }: TestDaemon, name: string): Promise<void> {
  await control.images.create(group, { name, source: { kind: "registry", imageUrl: `registry.example.com/${name}` } });
  await waitFor(async () => ((await control.images.get(group, name)).state === "Ready" ? true : undefined), never);
}

test("what would go is told and stays; then exactly that goes: templates, contents without a name, leftovers", async () => {
  await using host = new TestHost();
  const left: Leftover[] = [{ kind: "layers", name: "l.qcow2", bytes: 512 }];
  const engine = (own: TestDaemon["engine"]) => ({
    ...withMembers(own),
    leftovers: async ({ remove }: { remove: boolean }) => (remove ? left.splice(0) : [...left]),
  });
  const daemon = await host.daemon({ engine });
  const { control } = daemon;
  await pulled(daemon, "tools");
  await control.sandboxes.delete(await control.sandboxes.create(group, xs, never), never);
  const orphan = { key: "f".repeat(64), digest: "d", path: "/orphan", warm: [], sizeBytes: 4_096, builtAt: "" };
  host.images.contents.set(orphan.key, orphan);
  const would = PrunedSystem.parse(await control.system.prune({ dryRun: true }, never));
  expect(would.items).toEqual([
    { kind: "templates", name: expect.any(String), bytes: 4_096 },
    { kind: "images", name: orphan.key, bytes: 4_096 },
    { kind: "layers", name: "l.qcow2", bytes: 512 },
  ]);
  expect(would.freedBytes).toBe(8_704);
  expect([host.fake.templates.size, host.images.contents.has(orphan.key), left.length]).toEqual([1, true, 1]);
  expect(await control.system.prune({}, never)).toEqual(would);
  expect([host.fake.templates.size, host.images.contents.has(orphan.key), left.length]).toEqual([0, false, 0]);
  expect(await control.system.prune({}, never)).toEqual({ items: [], freedBytes: 0 });
  expect((await control.images.get(group, "tools")).state).toBe("Ready");
});

test("images with a name go only when that is asked for, with their contents, and those that a sandbox stands on never", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  for (const name of ["used", "unused"]) await pulled(daemon, name);
  await control.sandboxes.create(group, { ...xs, sourcesRef: { diskImage: { name: "used" } } }, never);
  const which = { allImages: true };
  const would = await control.system.prune({ ...which, dryRun: true }, never);
  expect(would.items).toMatchObject([
    { kind: "images", name: "unused", group, bytes: 0 },
    { kind: "images", name: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ]);
  const { length } = [...host.images.contents];
  expect(await control.system.prune(which, never)).toEqual(would);
  expect(host.images.contents.size).toBe(length - 1);
  expect((await control.images.list(group, {})).map(({ name }) => name)).toEqual(["used"]);
});

test("old snapshots go only with an age, and pinned ones and those that a sandbox came from stay", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, xs, never);
  const take = (name: string, labels = {}) => control.snapshots.take(sandbox, { name, labels }, never);
  const [old, pinned, used] = [await take("old"), await take("pinned", { pinned: "yes" }), await take("used")];
  await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: used.id } } }, never);
  expect((await control.system.prune({ snapshotsOlderThanSeconds: 3_600 }, never)).items).toEqual([]);
  expect((await control.system.prune({}, never)).items).toEqual([]);
  const { items } = await control.system.prune({ snapshotsOlderThanSeconds: 0 }, never);
  expect(items).toEqual([{ kind: "snapshots", name: old.id, group, bytes: old.ownBytes }]);
  expect(store.snapshots.all().map(({ id }) => id)).toEqual([pinned.id, used.id]);
});

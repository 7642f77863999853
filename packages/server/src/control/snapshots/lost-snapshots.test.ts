import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";

test("a snapshot whose bytes are gone is Lost at the next start, nothing starts from it, and it can be deleted", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const origin = await first.control.sandboxes.create(group, debian, never);
  const { id: gone } = await first.control.snapshots.take(origin, { name: "gone" }, never);
  const { id: there } = await first.control.snapshots.take(origin, { name: "there" }, never);
  await first.close();
  host.fake.snapshots.delete(gone);

  const { control, store } = await host.daemon();
  const list = await control.snapshots.list(group, {});
  expect(list.map(({ name, status }) => [name, status])).toEqual([
    ["there", "Ready"],
    ["gone", "Lost"],
  ]);
  const refused = { code: "SnapshotIncompatible", message: expect.stringContaining("bytes are not on this host") };
  const sourcesRef = { snapshot: { id: gone } };
  await expect(control.sandboxes.create(group, { sourcesRef }, never)).rejects.toMatchObject(refused);
  await expect(control.sandboxes.createBatch(group, 2, { sourcesRef }, never)).rejects.toMatchObject(refused);
  await expect(control.snapshots.rollback(origin, { snapshotId: gone }, never)).rejects.toMatchObject(refused);
  expect(await control.sandboxes.get(origin)).toMatchObject({ state: "Running", generation: 1 });
  await control.snapshots.delete({ group, snapshotId: gone });
  expect(store.snapshots.all().map(({ id }) => id)).toEqual([there]);
});

test("a snapshot whose bytes are there again is Ready again", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const origin = await first.control.sandboxes.create(group, debian, never);
  const { id } = await first.control.snapshots.take(origin, {}, never);
  await first.close();
  const bytes = host.fake.snapshots.get(id);
  host.fake.snapshots.delete(id);
  const second = await host.daemon();
  expect(await second.control.snapshots.get({ group, snapshotId: id })).toMatchObject({ status: "Lost" });
  await second.close();
  if (bytes !== undefined) host.fake.snapshots.set(id, bytes);
  const { control } = await host.daemon();
  expect(await control.snapshots.get({ group, snapshotId: id })).toMatchObject({ status: "Ready" });
  expect(await control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never)).toMatchObject({
    state: "Running",
  });
});

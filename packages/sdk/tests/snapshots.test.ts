import { Alcove } from "alcove";
import { expect, test } from "vitest";
import { serve } from "../../server/src/http/serve-for-tests.js";

test("a snapshot is taken, listed, labelled, started from and deleted", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const { sandboxes, snapshots } = alcove;
  await using sandbox = await sandboxes.create({ image: "debian" });
  await sandbox.files.write("/root/note", "one");
  const first = await sandbox.snapshot({ name: "first", labels: { run: "1" } });
  await sandbox.files.write("/root/note", "two");
  const second = await snapshots.create(sandbox.id);
  await using child = await sandboxes.create({ snapshot: first.id });
  expect(await child.files.readText("/root/note")).toBe("one");
  expect((await child.info()).sourcesRef.snapshot).toEqual({ id: first.id });
  const ids = async (options: object) => (await snapshots.list(options).toArray()).map(({ id }) => id);
  expect(await ids({ pageSize: 1 })).toEqual([second.id, first.id]);
  expect(await ids({ labels: { run: "1" } })).toEqual([first.id]);
  expect(await snapshots.count({ sandboxId: sandbox.id })).toBe(2);
  expect((await snapshots.setLabels(second.id, { run: "2" })).labels).toEqual({ run: "2" });
  await snapshots.delete(first.id);
  await expect(snapshots.get(first.id)).rejects.toMatchObject({ code: "SnapshotNotFound", status: 404 });
});

test("a snapshot is exported and imported as a stream or as bytes, and what starts from it may boot from its disk", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const { sandboxes, snapshots } = alcove;
  await using sandbox = await sandboxes.create({ image: "debian" });
  await sandbox.files.write("/root/note", "one");
  const { id } = await sandbox.snapshot({ name: "first" });
  const copy = await snapshots.import(await snapshots.export(id), { labels: { from: "archive" } });
  expect(copy).toMatchObject({ name: "first", labels: { from: "archive" }, status: "Ready" });
  const bytes = await (await snapshots.export(copy.id)).bytes();
  const again = await snapshots.import(bytes, { name: "again" });
  await using child = await sandboxes.create({ snapshot: again.id, from: "Disk" });
  expect(await child.files.readText("/root/note")).toBe("one");
  await expect(snapshots.import(bytes.subarray(0, 2_000))).rejects.toMatchObject({ code: "InvalidRequest" });
  await sandbox.files.write("/root/note", "two");
  expect(await sandbox.rollback(id, { from: "Disk" })).toMatchObject({ generation: 2 });
  expect(await sandbox.files.readText("/root/note")).toBe("one");
});

test("snapshots are walked over to the end while the last one seen is deleted", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  await using sandbox = await alcove.sandboxes.create({ image: "debian" });
  const taken = [await sandbox.snapshot(), await sandbox.snapshot(), await sandbox.snapshot()];
  const seen: string[] = [];
  for await (const { id } of alcove.snapshots.list({ pageSize: 1 })) {
    seen.push(id);
    await alcove.snapshots.delete(id);
  }
  expect(seen).toEqual(taken.map(({ id }) => id).reverse());
});

test("a sandbox goes back to its snapshot", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  await using sandbox = await alcove.sandboxes.create({ image: "debian" });
  const { id } = await sandbox.snapshot();
  await sandbox.files.write("/root/note", "later");
  expect(await sandbox.rollback(id)).toMatchObject({ id: sandbox.id, state: "Running", generation: 2 });
  await expect(sandbox.files.readText("/root/note")).rejects.toMatchObject({ code: "FileNotFound" });
});

test("a sandbox is copied, and its disk becomes an image", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  await using sandbox = await alcove.sandboxes.create({ image: "debian" });
  await sandbox.files.write("/root/note", "here");
  const { sandboxes, errors } = await sandbox.fork(2, { labels: { of: "it" }, seed: "00".repeat(32) });
  expect(errors).toEqual([]);
  expect(sandboxes).toHaveLength(2);
  for (const copy of sandboxes) {
    expect(await copy.files.readText("/root/note")).toBe("here");
    expect(await copy.info()).toMatchObject({ forkedFrom: sandbox.id, labels: { of: "it" } });
    await copy.delete();
  }
  const image = await sandbox.commit("mine:1", { labels: { by: "me" } });
  expect(image).toMatchObject({ name: "mine:1", state: "Ready", labels: { by: "me" } });
});

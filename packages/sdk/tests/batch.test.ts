import { Alcove } from "alcove";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ask, type Served, serve } from "../../server/src/http/serve-for-tests.js";

let served: Served;
let alcove: Alcove;

beforeAll(async () => {
  served = await serve();
  alcove = new Alcove({ socketPath: served.socketPath });
});
afterAll(async () => {
  alcove[Symbol.dispose]();
  await served[Symbol.asyncDispose]();
});

test("many sandboxes are created in one call, and each can be worked with", async () => {
  const { sandboxes, errors } = await alcove.sandboxes.createMany(50, { image: "debian", labels: { many: "1" } });
  expect(errors).toEqual([]);
  expect(sandboxes).toHaveLength(50);
  expect((await sandboxes[49]?.exec("echo here"))?.stdout).toBe("here\n");
  await Promise.all(sandboxes.map((sandbox) => sandbox.delete({ wait: false })));
  await vi.waitFor(async () => expect(await alcove.sandboxes.count({ labels: { many: "1" } })).toBe(0), {
    timeout: 20_000,
  });
});

test("a batch of none, or of more than 1,000, is refused by the number seen", async () => {
  for (const count of [0, 1_001, 1.5]) {
    const refused = alcove.sandboxes.createMany(count, { image: "debian" });
    await expect(refused).rejects.toMatchObject({ code: "InvalidRequest", field: "count", value: String(count) });
  }
  await expect(alcove.sandboxes.createMany(2, { image: "nothing" })).rejects.toMatchObject({ code: "ImageNotFound" });
});

test("a client that goes away ends nothing of its batch", async () => {
  const aborted = new AbortController();
  const labels = { left: "1" };
  const batch = alcove.sandboxes.createMany(200, { image: "debian", labels, signal: aborted.signal });
  batch.catch(() => undefined);
  await vi.waitFor(async () => expect(await alcove.sandboxes.count({ labels })).toBeGreaterThan(0), {
    timeout: 20_000,
  });
  aborted.abort(new Error("gone"));
  await expect(batch).rejects.toThrow("gone");
  await vi.waitFor(async () => expect(await alcove.sandboxes.count({ labels, state: "Running" })).toBe(200), 15_000);
});

test("labels are merged, and found by", async () => {
  await using sandbox = await alcove.sandboxes.create({ image: "debian", labels: { a: "1", b: "1" } });
  expect((await sandbox.setLabels({ a: null, c: "3" })).labels).toEqual({ b: "1", c: "3" });
  expect(await alcove.sandboxes.count({ labels: { c: "3" } })).toBe(1);
  await expect(sandbox.setLabels({ "no spaces": "" })).rejects.toMatchObject({ code: "InvalidRequest" });
  const unknown = await ask(served.socketPath, `/v1/groups/default/sandboxes/${sandbox.id}`, {
    method: "PATCH",
    body: { labels: {}, state: "Stopped" },
  });
  expect(unknown).toMatchObject({ status: 400, json: { field: "state" } });
});

test("without waiting a sandbox is Creating, then Running", async () => {
  await using sandbox = await alcove.sandboxes.create({ image: "debian", wait: false });
  await vi.waitFor(async () => expect((await sandbox.info()).state).toBe("Running"), { timeout: 20_000 });
});

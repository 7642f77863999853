import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";
import { mergedLabels } from "./labels.js";

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, number) => [`k${number}`, ""]));

test("changes are merged: a value sets, null takes away, and what is not named stays", () => {
  const labels = { stays: "1", changes: "1", goes: "1" };
  const changes = { changes: "2", goes: null, comes: "", never: null };
  expect(mergedLabels({ id: "x", labels }, changes)).toEqual({ stays: "1", changes: "2", comes: "" });
});

test("64 labels may be left, 65 are refused", () => {
  expect(Object.keys(mergedLabels({ id: "x", labels: many(64) }, { k0: null, more: "" }))).toHaveLength(64);
  expect(() => mergedLabels({ id: "x", labels: many(64) }, { more: "" })).toThrow("would have 65 labels");
  const hostile = JSON.parse('{"__proto__x": "1", "constructor": "2"}') as Record<string, string>;
  expect(mergedLabels({ id: "x", labels: {} }, hostile)).toEqual(hostile);
});

test("changed labels are found, old ones are not, followers are told, and a restart keeps them", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, { ...debian, labels: { team: "red", run: "1" } }, never);
  const { newest } = first.store.events.bounds(group);
  const changed = await first.control.sandboxes.changeLabels(sandbox, { team: "blue", run: null });
  expect(changed).toEqual({ ...sandbox, labels: { team: "blue" } });
  const [event] = first.store.events.after(group, newest, 10);
  expect(JSON.parse(event?.body ?? "")).toEqual({ type: "sandbox.changed", sandbox: changed });
  const found = (labels: Record<string, string>) => first.control.sandboxes.count(group, { labels });
  expect(await Promise.all([found({ team: "blue" }), found({ team: "red" }), found({ run: "1" })])).toEqual([1, 0, 0]);
  await first.close();
  const second = await host.daemon();
  expect((await second.control.sandboxes.get(sandbox)).labels).toEqual({ team: "blue" });
});

test("labels of another group's sandbox, or of none, cannot be changed; a refused change changes nothing", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, labels: many(64) }, never);
  await expect(control.sandboxes.changeLabels({ ...sandbox, id: crypto.randomUUID() }, {})).rejects.toMatchObject({
    code: "SandboxNotFound",
  });
  const { newest } = store.events.bounds(group);
  await expect(control.sandboxes.changeLabels(sandbox, { more: "" })).rejects.toMatchObject({ field: "labels" });
  expect(store.events.bounds(group).newest).toBe(newest);
  expect(Object.keys((await control.sandboxes.get(sandbox)).labels)).toHaveLength(64);
});

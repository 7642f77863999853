import { Sandbox } from "@alcove/contract";
import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";

const off = { autoSuspendPolicy: { enabled: false }, autoDeletePolicy: { enabled: false } };
const disk = { enabled: true, interval: 60, mode: "Disk", keepAwake: ["execs"] } as const;

test("a sandbox has its own policy, else its group's of that moment, each part by itself, else none", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const defaults = { lifecycle: { autoSuspendPolicy: { enabled: true, interval: 60, mode: "Disk" as const } } };
  await control.groups.create({ name: "g", defaults });
  const policyOf = async (name: string, lifecycle = {}) =>
    (await control.sandboxes.create(name, { ...debian, lifecycle }, never)).lifecycle;
  expect(await policyOf(group)).toEqual(off);
  expect(await policyOf("g")).toEqual({ ...off, autoSuspendPolicy: disk });
  expect(await policyOf("g", { maximumLifetimeInSeconds: 600 })).toEqual({
    ...off,
    autoSuspendPolicy: disk,
    maximumLifetimeInSeconds: 600,
  });
  expect(await policyOf("g", off)).toEqual(off);
});

test("a change of the group's defaults holds for new sandboxes only", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "g" });
  const before = await control.sandboxes.create("g", debian, never);
  await control.groups.update("g", { defaults: { lifecycle: { maximumLifetimeInSeconds: 9_999 } } });
  expect((await control.sandboxes.get(before)).lifecycle).toEqual(off);
  const later = await control.sandboxes.create("g", debian, never);
  expect(later.lifecycle).toEqual({ ...off, maximumLifetimeInSeconds: 9_999 });
});

test("a policy is changed part by part, followers are told, and a restart keeps it", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(
    group,
    { ...debian, lifecycle: { maximumLifetimeInSeconds: 9_999 } },
    never,
  );
  const { newest } = first.store.events.bounds(group);
  const changed = await first.control.sandboxes.setLifecycle(sandbox, {
    autoSuspendPolicy: { enabled: true, interval: 60, mode: "Disk" },
  });
  const lifecycle = { ...off, autoSuspendPolicy: disk, maximumLifetimeInSeconds: 9_999 };
  expect(Sandbox.parse(changed)).toEqual({ ...sandbox, lifecycle });
  const [event] = first.store.events.after(group, newest, 10);
  expect(JSON.parse(event?.body ?? "")).toEqual({ type: "sandbox.changed", sandbox: changed });
  await first.close();
  const second = await host.daemon();
  expect((await second.control.sandboxes.get(sandbox)).lifecycle).toEqual(lifecycle);
  await second.control.groups.create({ name: "other" });
  await expect(second.control.sandboxes.setLifecycle({ ...sandbox, group: "other" }, {})).rejects.toMatchObject({
    code: "SandboxNotFound",
  });
});

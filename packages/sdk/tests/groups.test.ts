import { Alcove } from "alcove";
import { expect, test } from "vitest";
import { serve } from "../../server/src/http/serve-for-tests.js";

test("groups are created, listed, changed, limited and deleted", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const { groups } = alcove;
  for (const name of ["a", "b", "c"]) await groups.create({ name, tags: { is: name, all: "1" } });
  const names = async (options: Parameters<typeof groups.list>[0]) =>
    (await groups.list(options).toArray()).map(({ name }) => name);
  expect(await names({ pageSize: 2 })).toEqual(["a", "b", "c", "default"]);
  expect(await names({ tags: { all: "1" }, pageSize: 1 })).toEqual(["a", "b", "c"]);
  const defaults = { diskImage: { name: "debian" }, resources: { tier: "XS" } } as const;
  expect((await groups.update("a", { tags: { is: null }, defaults })).tags).toEqual({ all: "1" });
  await groups.setQuota("a", { sandboxes: 1 });

  const sandbox = await alcove.group("a").sandboxes.create({});
  expect((await sandbox.info()).resources.cpu).toBe("250m");
  await expect(alcove.group("a").sandboxes.create({})).rejects.toMatchObject({ code: "QuotaExceeded", status: 429 });
  await expect(groups.delete("a")).rejects.toMatchObject({ code: "GroupNotEmpty" });
  await groups.delete("a", { force: true });
  await expect(groups.get("a")).rejects.toMatchObject({ code: "GroupNotFound" });
});

test("what a group used is told by time and label, and its sizes are published", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  await using sandbox = await alcove.sandboxes.create({ image: "debian", tier: "S", labels: { project: "blue" } });
  await expect.poll(async () => (await alcove.defaultGroup.usage()).month.coreSeconds).toBeGreaterThan(0);
  const to = new Date(Date.now() + 3_600_000);
  const { label, records } = await alcove.defaultGroup.usageRecords({ label: "project", per: "range", to });
  expect({ label, values: records.map(({ value }) => value) }).toEqual({ label: "project", values: ["blue"] });
  expect(sandbox.group).toBe("default");
  expect((await alcove.sizes()).tiers.XL).toEqual({ cpu: "4000m", memory: "8192Mi", disk: "81920Mi" });
});

test.each([
  [{ name: "g", tags: { __proto__hidden: "x" } }, "tags.__proto__hidden"],
  [{ name: "g", tags: JSON.parse('{"__proto__": "x"}') }, "body"],
  [{ name: "g", tags: { "a\u0000b": "x" } }, "tags"],
  [{ name: "g", tags: { a: "line\nbreak" } }, "tags.a"],
  [{ name: "-g" }, "name"],
  [{ name: "g/../default" }, "name"],
  [{ name: "g", quota: { cores: -1 } }, "quota.cores"],
  [{ name: "g", quota: { memory: "8GB" } }, "quota.memory"],
  [{ name: "g", defaults: { resources: { tier: "M", cpu: "2" } } }, "defaults.resources"],
  [{ name: "g", defaults: { lifecycle: { autoSuspend: {} } } }, "defaults.lifecycle.autoSuspend"],
  [{ name: "g", defaults: { egressPolicy: {} } }, "defaults.egressPolicy.defaultAction"],
  [
    {
      name: "g",
      defaults: { egressPolicy: { defaultAction: "Deny", hostRules: [{ pattern: "a..b", action: "Allow" }] } },
    },
    "defaults.egressPolicy.hostRules[0].pattern",
  ],
])("%j is refused by the name of its field, and changes nothing", async (body, field) => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const creation = alcove.request({ method: "POST", path: "/v1/groups", body });
  await expect(creation).rejects.toMatchObject({ code: "InvalidRequest", field: expect.stringContaining(field) });
  expect((await alcove.groups.list().toArray()).map(({ name }) => name)).toEqual(["default"]);
});

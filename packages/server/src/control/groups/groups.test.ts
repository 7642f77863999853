import type { CreateSandbox } from "@alcove/contract";
import { expect, test } from "vitest";
import type { CrashPoint } from "../crash-points.js";
import { debian, never, TestHost, withMembers } from "../test-daemon.js";

test("a group keeps what it was given, and takes changes key by key", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const name = "team-a";
  const tags = { cost: "42", stage: "test" };
  const defaults = { diskImage: { name: "debian" }, resources: { tier: "S" } } as const;
  await control.groups.create({ name, tags, defaults, quota: { cores: 2 } });
  const egressPolicy = { defaultAction: "Deny" } as const;
  await control.groups.update(name, { tags: { stage: null, owner: "" }, defaults: { egressPolicy } });
  await control.groups.update(name, { defaults: { diskImage: null } });
  expect(await control.groups.get(name)).toMatchObject({
    name,
    state: "Ready",
    tags: { cost: "42", owner: "" },
    defaults: { resources: { tier: "S" }, egressPolicy },
    quota: { cores: 2 },
    used: { cores: 0, memory: "0Mi", disk: "0Mi", sandboxes: 0, images: 0 },
  });
  expect((await control.groups.get(name)).defaults).not.toHaveProperty("diskImage");
  expect((await control.groups.get(name)).tags).not.toHaveProperty("stage");
  expect((await control.groups.setQuota(name, { sandboxes: 1 })).quota).toEqual({ sandboxes: 1 });
});

test("what is there survives the daemon", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const group = await first.control.groups.create({ name: "g", tags: { a: "b" } });
  await first.close();
  expect(await (await host.daemon()).control.groups.get("g")).toEqual(group);
});

test("tags that would become too many are refused, and nothing is changed", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const many = (prefix: string) => Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${prefix}${at}`, ""]));
  const group = await control.groups.create({ name: "g", tags: many("a") });
  await expect(control.groups.update("g", { tags: many("b") })).rejects.toMatchObject({
    code: "InvalidRequest",
    field: "tags",
  });
  expect(await control.groups.get("g")).toEqual(group);
});

test("names that differ by case alone are one name to creation, and two to everything else", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "Team" });
  for (const name of ["Team", "team", "DEFAULT"]) {
    await expect(control.groups.create({ name })).rejects.toMatchObject({ code: "GroupExists", value: name });
  }
  await expect(control.groups.get("team")).rejects.toMatchObject({ code: "GroupNotFound" });
  await expect(control.sandboxes.list("TEAM", {})).rejects.toMatchObject({ code: "GroupNotFound" });
});

test("groups are listed by name, by page, by tags, and only those that the caller may see", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  for (const name of ["c", "a", "b"]) await control.groups.create({ name, tags: { is: name, all: "1" } });
  const names = async (filter: Parameters<typeof control.groups.list>[0]) =>
    (await control.groups.list(filter)).map(({ name }) => name);
  expect(await names({})).toEqual(["a", "b", "c", "default"]);
  expect(await names({ page: 2, pageSize: 3 })).toEqual(["default"]);
  expect(await names({ tags: { all: "1", is: "b" } })).toEqual(["b"]);
  expect(await names({ after: "b", pageSize: 1 })).toEqual(["c"]);
  expect(await names({ tags: { all: "2" } })).toEqual([]);
  expect(await names({ names: ["c", "default", "nobody"] })).toEqual(["c", "default"]);
  expect(await names({ names: [] })).toEqual([]);
});

test("1,000 groups are listed in one page, at once", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  store.transaction(() => {
    const rest = { state: "Ready", tags: { a: "b" }, defaults: {}, quota: {}, createdAt: 0 } as const;
    for (let number = 1_000; number < 2_000; number++) store.groups.insert({ name: `g${number}`, ...rest });
  });
  const started = performance.now();
  const groups = await control.groups.list({ pageSize: 1_000, tags: { a: "b" } });
  expect(groups.map(({ name }) => name)).toEqual(Array.from({ length: 1_000 }, (_, at) => `g${1_000 + at}`));
  expect(performance.now() - started).toBeLessThan(500);
});

test("a sandbox takes image and size from its group where its creation leaves them out", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({
    name: "g",
    defaults: { diskImage: { name: "debian" }, resources: { cpu: "2", disk: "30Gi" } },
  });
  const create = async (body: CreateSandbox) => (await control.sandboxes.create("g", body, never)).resources;
  expect(await create({})).toEqual({ cpu: "2000m", memory: "2048Mi", disk: "40960Mi" });
  expect(await create({ resources: { memory: "500Mi" } })).toEqual({ cpu: "2000m", memory: "512Mi", disk: "40960Mi" });
  expect(await create({ resources: { tier: "XS" } })).toEqual({ cpu: "250m", memory: "512Mi", disk: "20480Mi" });
  await expect(control.sandboxes.create("default", {}, never)).rejects.toMatchObject({
    code: "InvalidRequest",
    field: "sourcesRef",
  });
});

test("sandboxes of one group are not there for another", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "mine" });
  await control.groups.create({ name: "yours" });
  const { id } = await control.sandboxes.create("mine", debian, never);
  expect(await control.sandboxes.list("yours", {})).toEqual([]);
  const theirs = { group: "yours", id };
  await expect(control.sandboxes.get(theirs)).rejects.toMatchObject({ code: "SandboxNotFound" });
  await control.sandboxes.delete(theirs, never);
  expect((await control.sandboxes.get({ group: "mine", id })).state).toBe("Running");
});

test("a group with something in it is not deleted unless that is forced, and default never", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "g" });
  await control.sandboxes.create("g", debian, never);
  await expect(control.groups.delete("g", { force: false }, never)).rejects.toMatchObject({
    code: "GroupNotEmpty",
    message: "The group g has 1 sandbox in it.",
  });
  expect(await control.sandboxes.count("g", {})).toBe(1);
  await control.groups.delete("g", { force: true }, never);
  await expect(control.groups.get("g")).rejects.toMatchObject({ code: "GroupNotFound" });
  expect(host.fake.machines.size).toBe(0);
  await control.groups.delete("g", { force: false }, never);
  await expect(control.groups.delete("default", { force: true }, never)).rejects.toMatchObject({
    code: "GroupNotDeletable",
  });
});

test("a group that is being deleted takes nothing new, can be looked at, and is there again when it is created anew", async () => {
  await using host = new TestHost();
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const { control } = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      async start(spec, signal) {
        const machine = await engine.start(spec, signal);
        return { ...machine, destroy: () => held.then(() => machine.destroy()) };
      },
    }),
  });
  await control.groups.create({ name: "g" });
  await control.sandboxes.create("g", debian, never);
  const deletion = control.groups.delete("g", { force: true }, never);
  await new Promise(setImmediate);
  await expect(control.sandboxes.create("g", debian, never)).rejects.toMatchObject({ code: "GroupNotFound" });
  await expect(control.sandboxes.list("g", {})).rejects.toMatchObject({ code: "GroupNotFound" });
  await expect(control.groups.update("g", { tags: {} })).rejects.toMatchObject({ code: "GroupNotFound" });
  await expect(control.groups.create({ name: "g" })).rejects.toThrow("it is being deleted");
  expect(await control.groups.get("g")).toMatchObject({ state: "Deleting", used: { sandboxes: 1 } });
  release();
  await deletion;
  await control.groups.create({ name: "g" });
  expect(await control.groups.get("g")).toMatchObject({ state: "Ready", used: { sandboxes: 0 } });
});

test("a creation that was under way when its group was deleted leaves nothing", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "g" });
  const creations = Array.from({ length: 5 }, () => control.sandboxes.create("g", debian, never));
  const settled = Promise.allSettled(creations);
  await control.groups.delete("g", { force: true }, never);
  await settled;
  await expect(control.groups.get("g")).rejects.toMatchObject({ code: "GroupNotFound" });
  expect(host.fake.machines.size).toBe(0);
});

test("who follows a group is let go with it, and a new group of its name does not see what was", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "g" });
  const types: string[] = [];
  const following = (async () => {
    for await (const { type } of control.events.follow("g", 0, never)) types.push(type);
  })();
  await control.sandboxes.create("g", debian, never);
  await control.groups.delete("g", { force: true }, never);
  await control.groups.create({ name: "g" });
  await following;
  expect(types).toContain("sandbox.changed");
  const fresh = control.events.follow("g", 0, AbortSignal.timeout(200));
  for await (const event of fresh) expect.fail(`the old group's ${event.type}`);
});

test("what changes of a group is told to those who follow it", async () => {
  await using host = new TestHost();
  let last: string | undefined;
  const crashPoint: CrashPoint = (name) => {
    if (name === "groupDelete.beforeRemove") last = store.events.after("team", 0, 100_000).at(-1)?.body;
  };
  const { control, store } = await host.daemon({ options: { crashPoint } });
  await control.groups.create({ name: "team" });
  const events = control.events.follow("team", undefined, never)[Symbol.asyncIterator]();
  const next = async () => (await events.next()).value;
  const first = next();
  await control.groups.update("team", { tags: { cost: "42" } });
  expect(await first).toMatchObject({ type: "group.changed", group: { name: "team", tags: { cost: "42" } } });
  await control.groups.setQuota("team", { sandboxes: 3 });
  expect(await next()).toMatchObject({ type: "group.changed", group: { quota: { sandboxes: 3 } } });
  await control.groups.delete("team", { force: false }, never);
  expect(JSON.parse(last ?? "")).toMatchObject({ type: "group.changed", group: { state: "Deleting" } });
  await events.return?.(undefined);
});

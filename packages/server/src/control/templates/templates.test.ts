import { Template } from "@alcove/contract";
import { expect, test } from "vitest";
import { debian, group, never, TestHost, withMembers } from "../test-daemon.js";

test("a template is listed with its size and who stands on it, also asleep, and only one that nobody stands on is removed", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, resources: { tier: "XS" } }, never);
  const [template] = await control.templates.list(never);
  expect(Template.parse(template)).toMatchObject({
    image: "debian",
    resources: { cpu: "250m", memory: "512Mi" },
    isCurrent: true,
    users: 1,
    usedBy: [sandbox.id],
  });
  const key = template?.key ?? "";
  await expect(control.templates.delete(key, never)).rejects.toMatchObject({ code: "TemplateInUse" });
  await control.sandboxes.stop(sandbox, { mode: "Memory" }, never);
  await expect(control.templates.delete(key, never)).rejects.toMatchObject({ code: "TemplateInUse" });
  expect((await control.templates.prune({ dryRun: false }, never)).removed).toEqual([]);
  await control.sandboxes.delete(sandbox, never);
  expect(await control.templates.prune({ dryRun: true }, never)).toMatchObject({
    removed: [{ key }],
    freedBytes: template?.bytes,
  });
  expect(host.fake.templates.size).toBe(1);
  await control.templates.prune({ dryRun: false }, never);
  expect(await control.templates.list(never)).toEqual([]);
  await control.templates.delete(key, never);
});

test("the most lately used come first, and a rebuilt one is younger and keeps those who stand on it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { id } = await control.sandboxes.create(group, { ...debian, resources: { tier: "XS" } }, never);
  const [first] = await control.templates.list(never);
  const before = host.fake.templates.get(first?.key ?? "");
  if (before) host.fake.templates.set(before.key, { ...before, createdAt: 1_000, lastUsedAt: 2_000 });
  await control.sandboxes.create(group, { ...debian, resources: { tier: "S" } }, never);
  const listed = await control.templates.list(never);
  expect(listed.map(({ lastUsedAt }) => lastUsedAt)).toEqual([expect.any(String), "1970-01-01T00:00:02.000Z"]);
  const rebuilt = await control.templates.rebuild(first?.key ?? "", never);
  expect(rebuilt).toMatchObject({ usedBy: [id] });
  expect(rebuilt.createdAt > "2020").toBe(true);
  await expect(control.templates.rebuild("0".repeat(32), never)).rejects.toMatchObject({ code: "TemplateNotFound" });
});

test("a template that somebody takes while the others are pruned stays, and is not told as removed", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon({
    engine: (own) => {
      const { templates, ...rest } = withMembers(own);
      if (templates === undefined) throw new Error("the fake engine has templates");
      const list = async () => (await templates.list(never)).map((facts) => ({ ...facts, users: [] }));
      return { ...rest, templates: { ...templates, list } };
    },
  });
  await control.sandboxes.create(group, debian, never);
  expect(await control.templates.prune({ dryRun: false }, never)).toEqual({ removed: [], freedBytes: 0 });
  expect(host.fake.templates.size).toBe(1);
});

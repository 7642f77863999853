import { Alcove } from "alcove";
import { expect, test } from "vitest";
import { serve } from "../../server/src/http/serve-for-tests.js";

test("a key that is made here lets in over TCP, in its group and role, until it is revoked", async () => {
  await using served = await serve();
  const url = `http://127.0.0.1:${await served.openTcp()}`;
  using owner = new Alcove({ socketPath: served.socketPath });
  await owner.groups.create({ name: "team" });
  const { id, key } = await owner.group("team").keys.create({ name: "ci", role: "user" });
  using member = new Alcove({ url, apiKey: key, group: "team" });
  expect(await member.whoAmI()).toMatchObject({ principal: `key:${id}`, roles: [{ group: "team", role: "user" }] });
  const sandbox = await member.sandboxes.create({ image: "debian" });
  expect((await sandbox.exec(["echo", "hi"])).stdout).toBe("hi\n");
  await expect(member.group("default").sandboxes.list().toArray()).rejects.toMatchObject({ code: "GroupNotFound" });
  await expect(member.keys.list().toArray()).rejects.toMatchObject({ code: "Forbidden", status: 403 });

  const records = await owner
    .group("team")
    .audit({ caller: `key:${id}` })
    .toArray();
  expect(records.map(({ endpoint }) => endpoint)).toContain("createSandbox");
  await sandbox.delete();
  await owner.group("team").keys.revoke(id);
  await expect(member.whoAmI()).rejects.toMatchObject({ code: "Unauthorized", status: 401 });
  expect((await owner.keys.list().toArray()).find((one) => one.id === id)).toHaveProperty("revokedAt");
});

test("keys are listed page by page, newest first, whatever is made or gone meanwhile", async () => {
  await using served = await serve();
  using owner = new Alcove({ socketPath: served.socketPath });
  const made: string[] = [];
  for (let count = 0; count < 5; count++)
    made.unshift((await owner.defaultGroup.keys.create({ name: `k${count}`, role: "reader" })).id);
  await owner.keys.create({ name: "admin", isAdmin: true });
  const seen: string[] = [];
  for await (const page of owner.defaultGroup.keys.list({ pageSize: 2 }).pages()) {
    expect(page.length).toBeLessThanOrEqual(2);
    seen.push(...page.map(({ id }) => id));
    if (seen.length === 2) await owner.defaultGroup.keys.create({ name: "late", role: "reader" });
  }
  expect(new Set(seen)).toEqual(new Set(made));
  expect(seen).toHaveLength(5);
  expect(await owner.keys.list({ pageSize: 3 }).toArray()).toHaveLength(7);
});

test("roles are given by name, read and taken away", async () => {
  await using served = await serve();
  using owner = new Alcove({ socketPath: served.socketPath });
  const { roleAssignments } = owner.defaultGroup;
  await roleAssignments.set("oidc:Ada@example.com", "reader");
  expect(await roleAssignments.set("oidc:ada@example.com", "user")).toMatchObject({
    role: "user",
    assignedBy: "owner",
  });
  expect(await roleAssignments.list()).toHaveLength(1);
  expect(await roleAssignments.get("oidc:ada@example.com")).toMatchObject({ role: "user" });
  await roleAssignments.remove("oidc:ada@example.com");
  await roleAssignments.remove("oidc:ada@example.com");
  await expect(roleAssignments.get("oidc:ada@example.com")).rejects.toMatchObject({ code: "RoleAssignmentNotFound" });
});

test("the audit log is read page by page, whole, newest first", async () => {
  await using served = await serve();
  using owner = new Alcove({ socketPath: served.socketPath });
  for (let count = 0; count < 7; count++) await owner.defaultGroup.roleAssignments.set(`oidc:user-${count}`, "reader");
  const records = async (options: object) =>
    (await owner.audit(options).toArray()).map(({ target }) => target.principal);
  const all = ["oidc:user-6", "oidc:user-5", "oidc:user-4", "oidc:user-3", "oidc:user-2", "oidc:user-1", "oidc:user-0"];
  await expect.poll(() => records({ pageSize: 3 })).toEqual(all);
  expect(await records({ since: new Date(Date.now() + 60_000) })).toEqual([]);
  expect(await records({ caller: "key:0000000000000000" })).toEqual([]);
});

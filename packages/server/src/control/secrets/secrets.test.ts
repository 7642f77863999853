import { expect, test } from "vitest";
import { group, TestHost } from "../test-daemon.js";

const ref = { group, secretId: "github" };

test("a secret shows its keys; its values only to who peeks, of the last ten versions", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const first = await control.secrets.put(ref, { values: { token: "1", user: "a" }, hosts: ["api.test"] });
  expect(first).toMatchObject({ id: "github", group, keys: ["token", "user"], version: 1, hosts: ["api.test"] });
  for (let number = 2; number <= 12; number++) await control.secrets.put(ref, { values: { token: String(number) } });
  expect(await control.secrets.get(ref)).toMatchObject({ keys: ["token"], version: 12, hosts: ["api.test"] });
  expect(JSON.stringify(await control.secrets.list(group))).not.toContain("values");
  expect(await control.secrets.peek(ref, undefined)).toEqual({ version: 12, values: { token: "12" } });
  expect(await control.secrets.peek(ref, 3)).toEqual({ version: 3, values: { token: "3" } });
  for (const gone of [2, 13])
    await expect(control.secrets.peek(ref, gone)).rejects.toMatchObject({ code: "SecretNotFound", field: "version" });
  await control.secrets.delete(ref);
  await expect(control.secrets.get(ref)).rejects.toMatchObject({ code: "SecretNotFound", value: "github" });
  await expect(control.secrets.delete(ref)).rejects.toMatchObject({ code: "SecretNotFound" });
});

test("the same again is no new version", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.secrets.put(ref, { values: { token: "1" } });
  expect(await control.secrets.put(ref, { values: { token: "1" } })).toMatchObject({ version: 1 });
  expect(await control.secrets.put(ref, { values: { token: "1" }, hosts: ["a.test"] })).toMatchObject({ version: 2 });
  expect(await control.secrets.put(ref, { values: { token: "1", other: "2" } })).toMatchObject({ version: 3 });
});

test("a group has a hundred at most, and its deletion takes them along", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  await control.groups.create({ name: "team" });
  const put = (secretId: string) => control.secrets.put({ group: "team", secretId }, { values: { token: "1" } });
  for (let number = 0; number < 100; number++) await put(`secret-${number}`);
  await expect(put("one-more")).rejects.toMatchObject({ code: "SecretLimitReached" });
  expect(await put("secret-7")).toMatchObject({ version: 1 });
  expect(await control.secrets.list(group)).toEqual([]);
  await control.groups.delete("team", { force: false }, new AbortController().signal);
  expect(store.groupSecrets.ofGroup("team")).toEqual([]);
  expect(store.groupSecrets.values("team", "secret-7", 1)).toEqual({});
});

test("followers of a group are told which secret is another, and of no value", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const ending = new AbortController();
  const told: unknown[] = [];
  const reading = (async () => {
    for await (const { sequence: _, at: __, ...event } of control.events.follow(group, undefined, ending.signal)) {
      told.push(event);
      if (told.length === 3) ending.abort();
    }
  })();
  await new Promise(setImmediate);
  await control.secrets.put(ref, { values: { token: "1" } });
  await control.secrets.put(ref, { values: { token: "1" } });
  await control.secrets.put(ref, { values: { token: "1" }, hosts: ["a.test"] });
  await control.secrets.delete(ref);
  await reading;
  const type = "secret.changed";
  const secretId = "github";
  expect(told).toEqual([
    { type, secretId, version: 1 },
    { type, secretId, version: 2 },
    { type: "secret.deleted", secretId },
  ]);
});

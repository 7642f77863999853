import { expect, test } from "vitest";
import { group, TestHost } from "../test-daemon.js";
import { Authorities } from "./authorities.js";

test("who asks while an authority is made gets the one that is kept", async () => {
  await using host = new TestHost();
  const { store } = await host.daemon();
  const authorities = new Authorities(store);
  const [one, other] = await Promise.all([authorities.certificateOf(group), authorities.certificateOf(group)]);
  expect(one).toMatch(/BEGIN CERTIFICATE/);
  expect(other).toBe(one);
  expect(store.egressAuthorities.find(group)?.certificate).toBe(one);
});

test("a group that goes while its authority is made leaves none", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  await control.groups.create({ name: "team" });
  const asked = new Authorities(store).certificateOf("team");
  store.groups.remove("team");
  await expect(asked).rejects.toMatchObject({ code: "GroupNotFound" });
  expect(store.egressAuthorities.find("team")).toBeUndefined();
});

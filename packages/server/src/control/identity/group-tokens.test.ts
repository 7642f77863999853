/** A group's token is believed for as long as all that it says is still so, whoever holds a copy of it. */
import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";
import { GroupTokens } from "./group-tokens.js";
import { Issuer } from "./issuer.js";

const audience = "https://alcove.test";

async function withToken(host: TestHost) {
  const { control, store } = await host.daemon();
  const tokens = new GroupTokens(store, new Issuer({ keys: store.issuerKeys, url: () => audience }));
  await control.identity.set(group, { audiences: [audience] });
  const sandbox = await control.sandboxes.create(group, debian, never);
  const { token } = await tokens.issue({ group, sandboxId: sandbox.id, audience });
  return { control, store, tokens, sandbox, token };
}

test("it is, and says of which sandbox it is", async () => {
  await using host = new TestHost();
  const { tokens, sandbox, token } = await withToken(host);
  expect(await tokens.holderOf(token)).toMatchObject({ group, sandboxId: sandbox.id, audience });
  expect(await tokens.holderOf(`${token.slice(0, -4)}AAAA`)).toBeUndefined();
});

test("it is not when the group has no identity any more, or none for this server", async () => {
  await using host = new TestHost();
  const { control, tokens, token } = await withToken(host);
  await control.identity.set(group, { audiences: ["urn:other"] });
  expect(await tokens.holderOf(token)).toBeUndefined();
  await control.identity.set(group, { audiences: [audience] });
  expect(await tokens.holderOf(token)).toBeDefined();
  await control.identity.set(group, { audiences: [] });
  expect(await tokens.holderOf(token)).toBeUndefined();
});

test("it is not when its sandbox is gone, whose fork holds it in its memory; the fork is given others", async () => {
  await using host = new TestHost();
  const { control, tokens, sandbox, token } = await withToken(host);
  const { sandboxes: forks } = await control.snapshots.fork(sandbox, { count: 1 }, never);
  const [fork] = forks;
  if (fork === undefined) throw new Error("there is no fork");
  const { token: own } = await tokens.issue({ group, sandboxId: fork.id, audience });
  await control.sandboxes.delete(sandbox, never);
  expect(await tokens.holderOf(token)).toBeUndefined();
  expect(await tokens.holderOf(own)).toMatchObject({ sandboxId: fork.id });
});

test("it is not when another group has its group's name", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const tokens = new GroupTokens(store, new Issuer({ keys: store.issuerKeys, url: () => audience }));
  const make = async () => {
    await control.groups.create({ name: "reborn" });
    await control.identity.set("reborn", { audiences: [audience] });
    return (await tokens.issue({ group: "reborn", audience })).token;
  };
  const former = await make();
  expect(await tokens.holderOf(former)).toBeDefined();
  await control.groups.delete("reborn", { force: true }, never);
  const present = await make();
  expect([await tokens.holderOf(former), (await tokens.holderOf(present))?.group]).toEqual([undefined, "reborn"]);
});

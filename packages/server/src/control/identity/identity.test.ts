/** What sandboxes have of their group's identity: at the gateway and in their environment, however they came to run. */
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

type Sandbox = { readonly group: string; readonly id: string };

const inEnvironment = async ({ control }: TestDaemon, sandbox: Sandbox) =>
  (await control.execs.runShellCommand(sandbox, { command: "echo $IDENTITY_HEADER" }, never)).stdout.trim();

test("running sandboxes of the group get it and lose it with the call, and no other group's", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control, gateway, store } = daemon;
  await control.groups.create({ name: "other" });
  const sandbox = await control.sandboxes.create(group, debian, never);
  const stranger = await control.sandboxes.create("other", debian, never);
  await control.identity.set(group, { audiences: ["urn:a"] });
  const { header } = store.groupIdentities.find(group) ?? {};
  expect(gateway.inForce.get(sandbox.id)?.identity).toEqual({ header });
  expect(await inEnvironment(daemon, sandbox)).toBe(header);
  expect(gateway.inForce.get(stranger.id)?.identity).toBeUndefined();
  expect(await inEnvironment(daemon, stranger)).toBe("");
  await control.identity.set(group, { audiences: [] });
  expect(gateway.inForce.get(sandbox.id)?.identity).toBeUndefined();
  expect(await inEnvironment(daemon, sandbox)).toBe("");
  await control.identity.set(group, { audiences: ["urn:b"] });
  expect(store.groupIdentities.find(group)?.header, "programs that sleep know no other").toBe(header);
});

test("it stays through sleep, restarts of the daemon, forks and pools", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  await first.control.identity.set(group, { audiences: ["urn:a"] });
  const { header = "" } = first.store.groupIdentities.find(group) ?? {};
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  const { sandboxes: forks } = await first.control.snapshots.fork(sandbox, { count: 1 }, never);
  for (const one of [sandbox, ...forks]) expect(await inEnvironment(first, one)).toBe(header);
  for (const mode of ["Memory", "Disk"] as const) {
    await first.control.sandboxes.stop(sandbox, { mode }, never);
    await first.control.sandboxes.resume(sandbox, {}, never);
    expect(await inEnvironment(first, sandbox)).toBe(header);
  }
  const small = { ...debian, resources: { tier: "XS" } } as const;
  await first.control.pools.put(group, "fast", {
    sourcesRef: { diskImage: { name: "debian" } },
    resources: { tier: "XS" },
    minimum: 1,
  });
  const look = async () => ((await first.control.pools.get(group, "fast")).ready === 1 ? true : undefined);
  await waitFor(look, AbortSignal.timeout(20_000));
  const member = await first.control.sandboxes.create(group, small, never);
  expect(await inEnvironment(first, member)).toBe(header);
  expect(await first.control.pools.get(group, "fast")).toMatchObject({ claimed: 1 });
  await first.close();
  const second = await host.daemon();
  expect(second.gateway.inForce.get(sandbox.id)?.identity).toEqual({ header });
  await second.control.identity.set(group, { audiences: [] });
  expect(await inEnvironment(second, sandbox)).toBe("");
});

import { Alcove } from "alcove";
import { expect, test } from "vitest";
import { TestGateway } from "../../server/src/control/egress/test-gateway.js";
import { serve } from "../../server/src/http/serve-for-tests.js";

test("a sandbox's policy is given, read, replaced and tested", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const egressPolicy = { defaultAction: "Deny", hostRules: [{ pattern: "a.test", action: "Allow" }] } as const;
  await using sandbox = await alcove.sandboxes.create({ image: "debian", egressPolicy: structuredClone(egressPolicy) });
  expect((await sandbox.info()).egressPolicy).toEqual(egressPolicy);
  expect(await sandbox.testEgress("https://a.test/")).toMatchObject({ verdict: "Allow", rule: "hostRules[0]" });
  expect(await sandbox.testEgress("https://b.test/", { method: "POST" })).toMatchObject({ verdict: "Deny" });
  const replaced = await sandbox.setEgressPolicy({ defaultAction: "Deny" });
  expect(replaced.egressPolicy).toEqual({ defaultAction: "Deny" });
  const refused = sandbox.setEgressPolicy({ defaultAction: "Deny", hostRules: [{ pattern: "a..b", action: "Allow" }] });
  await expect(refused).rejects.toMatchObject({ code: "InvalidRequest", field: "hostRules[0].pattern" });
});

test("policies have names, which sandboxes refer to", async () => {
  await using served = await serve();
  using alcove = new Alcove({ socketPath: served.socketPath });
  const { egressPolicies } = alcove.defaultGroup;
  await egressPolicies.set("web", { defaultAction: "Deny" }, { description: "The web" });
  await using sandbox = await alcove.sandboxes.create({ image: "debian", egressPolicy: "web" });
  expect(await sandbox.info()).toMatchObject({ egressPolicyId: "web" });
  await egressPolicies.set("web", { defaultAction: "Allow" });
  expect((await sandbox.info()).egressPolicy).toEqual({ defaultAction: "Allow" });
  expect((await egressPolicies.list()).map(({ name }) => name)).toEqual(["web"]);
  expect(await egressPolicies.test("https://a.test/", "web")).toMatchObject({ verdict: "Allow" });
  expect(await egressPolicies.test("https://a.test/")).toMatchObject({ verdict: "Deny" });
  await expect(egressPolicies.delete("web")).rejects.toMatchObject({ code: "EgressPolicyInUse" });
  await sandbox.setEgressPolicy({ defaultAction: "Deny" });
  await egressPolicies.delete("web");
  await expect(egressPolicies.get("web")).rejects.toMatchObject({ code: "EgressPolicyNotFound", status: 404 });
  await egressPolicies.setSettings({ resolverOverrides: { "db.test": "192.0.2.7" } });
  expect((await egressPolicies.settings()).resolverOverrides).toEqual({ "db.test": "192.0.2.7" });
});

test("decisions are read, and followed until the sandbox is gone", async () => {
  const gateway = new TestGateway();
  await using served = await serve(undefined, {}, { gateway });
  using alcove = new Alcove({ socketPath: served.socketPath });
  const sandbox = await alcove.sandboxes.create({ image: "debian" });
  gateway.decide(sandbox.id, { host: "a.test" });
  expect(await sandbox.egressDecisions()).toMatchObject({
    http: { denied: [{ host: "a.test", scheme: "https", matchedRule: "default" }] },
    counts: { denied: 1, allowed: 0 },
  });
  const told: unknown[] = [];
  const deciding = setInterval(() => gateway.decide(sandbox.id, { host: "b.test" }), 20);
  for await (const line of sandbox.egressDecisions({ follow: true })) {
    clearInterval(deciding);
    if (told.push(line) === 1) await sandbox.delete();
  }
  expect(told[0]).toMatchObject({ host: "b.test", verdict: "Deny" });
  await expect(sandbox.egressDecisions()).rejects.toMatchObject({ code: "SandboxNotFound" });
});

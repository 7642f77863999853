import type { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";

const reaching = (destination: string): EgressPolicy => ({
  defaultAction: "Deny",
  transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination }] },
});
const [one, other] = ["203.0.113.0/24", "198.51.100.0/24"] as const;

test("a guest is told what it may refuse when it began, when its policy changes, and when it goes on", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: reaching(one) }, never);
  const asked = () =>
    (host.fake.machines.get(sandbox.id)?.addressRules ?? []).map(({ action, range }) => `${action} ${range}`);
  const told = (range: string) => expect.arrayContaining([`Ask ${range}`, "Reject 0.0.0.0/0", "Reject ::/0"]);
  await expect.poll(asked).toEqual(told(one));
  await control.egress.setPolicy(sandbox, reaching(other));
  expect(asked()).toEqual(told(other));
  await control.egress.setPolicy(sandbox, { defaultAction: "Deny", enforcementMode: "Audit" });
  expect(asked()).toEqual([]);
  await control.sandboxes.stop(sandbox, {}, never);
  await control.egress.setPolicy(sandbox, reaching(one));
  await control.sandboxes.resume(sandbox, {}, never);
  await expect.poll(asked).toEqual(told(one));
});

test("a guest that does not answer holds a change up for a moment, and is told later", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, { ...debian, egressPolicy: reaching(one) }, never);
  const machine = host.fake.machines.get(sandbox.id);
  if (machine === undefined) throw new Error("it has no machine");
  await expect.poll(() => machine.addressRules.length).toBeGreaterThan(0);
  machine.isSilent = true;
  await control.egress.setPolicy(sandbox, reaching(other));
  expect(gateway.inForce.get(sandbox.id)?.policy).toEqual(reaching(other));
  expect(JSON.stringify(machine.addressRules)).toContain(one);
  machine.isSilent = false;
  await expect.poll(() => JSON.stringify(machine.addressRules), { timeout: 15_000 }).toContain(other);
});

test("a guest whose daemon died before it told of a change is told by the next one", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, { ...debian, egressPolicy: reaching(one) }, never);
  const machine = host.fake.machines.get(sandbox.id);
  if (machine === undefined) throw new Error("it has no machine");
  await expect.poll(() => machine.addressRules.length).toBeGreaterThan(0);
  await first.close();
  machine.addressRules = [{ range: "0.0.0.0/0", action: "Reject" }];
  await host.daemon();
  await expect.poll(() => JSON.stringify(machine.addressRules)).toContain(one);
});

import type { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { debian, group, never, TestHost } from "../test-daemon.js";

const opening: EgressPolicy = { defaultAction: "Allow", trafficInspection: "Full" };

test("of two changes at once the guest has the later one at last, however slow the first one is told", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const secrets = { TOKEN: { secretId: "github", delivery: "Value" } } as const;
  await control.secrets.put({ group, secretId: "github" }, { values: { token: "first" } });
  const sandbox = await control.sandboxes.create(group, { ...debian, secrets }, never);
  const machine = host.fake.machines.get(sandbox.id);
  if (machine === undefined) throw new Error("it has no machine");
  expect(machine.execs.environment).toMatchObject({ TOKEN: "first" });
  // The authority is still to be made, which takes its time: the certificate comes with the first change.
  const first = control.egress.setPolicy(sandbox, opening);
  const second = control.secrets.put({ group, secretId: "github" }, { values: { token: "second" } });
  await Promise.all([first, second]);
  await expect.poll(() => machine.certificates).toMatch(/BEGIN CERTIFICATE/);
  expect(machine.execs.environment).toMatchObject({ TOKEN: "second" });
});

const withToken = { ...debian, secrets: { TOKEN: { secretId: "github", delivery: "Value" } } } as const;
const isTold = (machine: { execs: { environment: object } }, value: string) =>
  expect.poll(() => machine.execs.environment, { timeout: 15_000 }).toMatchObject({ TOKEN: value });

test("a guest that does not answer holds a change up for a moment, and is told later", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.secrets.put({ group, secretId: "github" }, { values: { token: "first" } });
  const sandbox = await control.sandboxes.create(group, withToken, never);
  const machine = host.fake.machines.get(sandbox.id);
  if (machine === undefined) throw new Error("it has no machine");
  machine.isSilent = true;
  await control.secrets.put({ group, secretId: "github" }, { values: { token: "second" } });
  expect(machine.execs.environment).toMatchObject({ TOKEN: "first" });
  machine.isSilent = false;
  await isTold(machine, "second");
});

test("a guest whose daemon died before it told of a change is told by the next one", async () => {
  await using host = new TestHost();
  const { control, close } = await host.daemon();
  await control.secrets.put({ group, secretId: "github" }, { values: { token: "first" } });
  const sandbox = await control.sandboxes.create(group, withToken, never);
  const machine = host.fake.machines.get(sandbox.id);
  if (machine === undefined) throw new Error("it has no machine");
  machine.isSilent = true;
  await control.secrets.put({ group, secretId: "github" }, { values: { token: "second" } });
  await close();
  machine.isSilent = false;
  await host.daemon();
  await isTold(machine, "second");
});

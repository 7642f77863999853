import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { withResolvers } from "../../lib/with-resolvers.js";
import { debian, group, never, TestHost } from "../test-daemon.js";

const passed = { sentBytes: 10, receivedBytes: 2_000, connections: 3 };

test("a sandbox's network is what the gateway counted, added up, also over its sleep", async () => {
  await using host = new TestHost();
  const { control, gateway } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  gateway.pass(sandbox.id, passed);
  gateway.pass("somebody else's", passed);
  await control.sandboxes.stop(sandbox, {}, never);
  gateway.pass(sandbox.id, { ...passed, connections: 0 });
  const { network } = await control.sandboxes.stats(sandbox, never);
  expect(network).toMatchObject({ sentBytes: 20, receivedBytes: 4_000, connections: 3 });
  expect(Date.parse(network.since)).toBe(Date.parse(sandbox.createdAt));
});

test("of a sandbox that does not run is told what somebody last saw, and nothing wakes it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const [seen, unseen] = await Promise.all([1, 2].map(() => control.sandboxes.create(group, debian, never)));
  if (seen === undefined || unseen === undefined) throw new Error("there are two");
  const running = await control.sandboxes.stats(seen, never);
  expect(running).toMatchObject({ state: "Running", memoryUsedBytes: 1_048_576 });
  for (const each of [seen, unseen]) await control.sandboxes.stop(each, {}, never);
  const stopped = await control.sandboxes.stats(seen, never);
  expect(stopped).toEqual({ ...running, state: "Stopped" });
  const { network: _, ...known } = await control.sandboxes.stats(unseen, never);
  expect(known).toEqual({ state: "Stopped" });
  expect(await control.sandboxes.processes(seen, never)).toEqual({ state: "Stopped", processes: [] });
  expect(await control.sandboxes.get(seen)).toMatchObject({ state: "Stopped", generation: 1 });
});

test("looking again and again goes on over a sleep, says each state, and ends with the sandbox", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const states: string[] = [];
  const hasBegun = withResolvers<void>();
  const followed = (async () => {
    for await (const { state } of await control.sandboxes.followStats(sandbox, 1, never)) {
      if (states.at(-1) !== state) states.push(state);
      hasBegun.resolve();
    }
  })();
  const seen = (state: string) => waitFor(() => states.at(-1) === state || undefined, never);
  await hasBegun.promise;
  await control.sandboxes.stop(sandbox, {}, never);
  await seen("Stopped");
  await control.sandboxes.resume(sandbox, {}, never);
  await seen("Running");
  await control.sandboxes.delete(sandbox, never);
  await followed;
  expect(states.filter((state) => state === "Running" || state === "Stopped")).toEqual([
    "Running",
    "Stopped",
    "Running",
  ]);
});

test("looking again and again at processes tells a program that came meanwhile", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const lists = await control.sandboxes.followProcesses(sandbox, 1, never);
  let isStarted = false;
  for await (const { processes } of lists) {
    if (processes.some(({ command }) => command.includes("sleep"))) break;
    if (!isStarted) await control.execs.start(sandbox, { args: ["sleep", "60"] }, never);
    isStarted = true;
  }
  expect(isStarted).toBe(true);
});

test("what is gone, or another group's, is not found", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  await control.sandboxes.delete(sandbox, never);
  for (const looking of [
    control.sandboxes.stats(sandbox, never),
    control.sandboxes.followStats(sandbox, 1, never),
    control.sandboxes.processes(sandbox, never),
  ])
    await expect(looking).rejects.toMatchObject({ code: "SandboxNotFound" });
});

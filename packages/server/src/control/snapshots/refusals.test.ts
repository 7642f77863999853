/** What is said where it cannot be, and what to do next. */
import { expect, test } from "vitest";
import { debian, group, never, overAndCreating, TestHost } from "../test-daemon.js";

test("a sandbox that sleeps is not forked, and says how else it is copied", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  await control.sandboxes.stop(sandbox, {}, never);
  await expect(control.snapshots.fork(sandbox, { count: 2 }, never)).rejects.toMatchObject({
    code: "SandboxNotRunning",
    message: `The sandbox ${sandbox.id} is Stopped (UserStopped); only one that runs can be forked.`,
    hint: expect.stringContaining(`alcove snapshot create ${sandbox.id}`),
  });
});

test("a snapshot that is asked for while the sandbox is being stopped is of what is kept of it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  host.fake.faults.suspendDelayMs = 100;
  await control.sandboxes.stop(sandbox, { wait: false }, never);
  const snapshot = await control.snapshots.take(sandbox, {}, never);
  expect(snapshot).toMatchObject({ status: "Ready", mode: "Memory" });
  expect(await control.sandboxes.get(sandbox)).toMatchObject({ state: "Stopped" });
});

test("what is over says that nothing of it can be resumed, what is being created that it is to be waited for", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { over, creating } = await overAndCreating(host, control);
  const hints = [
    [over, "Nothing is kept of it that could be resumed"],
    [creating, "Wait until it is Running"],
  ] as const;
  for (const [sandbox, hint] of hints) {
    const refused = { code: "SandboxNotRunning", hint: expect.stringContaining(hint) };
    await expect(control.snapshots.take(sandbox, {}, never)).rejects.toMatchObject(refused);
    await expect(control.snapshots.fork(sandbox, { count: 1 }, never)).rejects.toMatchObject(refused);
    await expect(control.sandboxes.resume(sandbox, {}, never)).rejects.toMatchObject(refused);
  }
});

test("to stop what is stopped, and to resume what runs, changes nothing", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  expect(await control.sandboxes.resume(sandbox, {}, never)).toMatchObject({ state: "Running", generation: 1 });
  const stopped = await control.sandboxes.stop(sandbox, {}, never);
  expect(await control.sandboxes.stop(sandbox, { mode: "Disk" }, never)).toEqual(stopped);
});

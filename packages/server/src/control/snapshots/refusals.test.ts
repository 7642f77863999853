/** What is said where it cannot be, and what to do next. */
import { AlcoveError } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, overAndCreating, type TestDaemon, TestHost } from "../test-daemon.js";

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

/** What becomes of a fork that is asked for so many turns after its source was asked to stop. */
async function forkOvertaken({ control }: TestDaemon, mode: "Memory" | "Disk", turns: number) {
  const sandbox = await control.sandboxes.create(group, debian, never);
  const stop = control.sandboxes.stop(sandbox, { mode }, never);
  for (let turn = 0; turn < turns; turn++) await undefined;
  const fork = control.snapshots.fork(sandbox, { count: 1 }, never);
  const outcome = await fork.then(
    ({ succeeded }) => `${succeeded} made`,
    (error: unknown) => (error instanceof AlcoveError ? error.code : String(error)),
  );
  await stop;
  return outcome;
}

test("a fork that a stop overtakes is refused where the memory was not frozen, or is not kept", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  host.fake.faults.isFreezeRefused = true;
  const outcomes = { Memory: new Set<string>(), Disk: new Set<string>() };
  for (const mode of ["Memory", "Disk"] as const)
    for (let turns = 0; turns < 12; turns++) outcomes[mode].add(await forkOvertaken(daemon, mode, turns));
  expect(outcomes.Memory).toEqual(new Set(["FreezeRefused", "SandboxNotRunning"]));
  expect(outcomes.Disk).toEqual(new Set(["SandboxNotRunning"]));
  await waitFor(() => host.fake.snapshots.size === 0 || undefined, AbortSignal.timeout(5_000));
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

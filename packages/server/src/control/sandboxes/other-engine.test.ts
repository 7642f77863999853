import { expect, test } from "vitest";
import type { Engine } from "../../engines/engine.js";
import type { SandboxRecord } from "../../store/sandboxes.js";
import { debian, group, never, type TestDaemon, TestHost, withMembers } from "../test-daemon.js";

const another = { engine: (engine: Engine): Engine => ({ ...withMembers(engine), name: "another" }) };

/** As a daemon that was killed leaves it. */
function leave({ store }: TestDaemon, id: string, changes: Partial<SandboxRecord>): void {
  const record = store.sandboxes.find(id);
  if (record) store.sandboxes.update(id, { ...record, ...changes });
}

test("what another engine was stopping stays so, says why, and is stopped by that engine's next daemon", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  await first.control.execs.runShellCommand(sandbox, { command: "echo kept > /tmp/note" }, never);
  const stateDetails = { stoppedReason: "UserStopped" } as const;
  const stopping = { state: "Stopping", desiredState: "Stopped", suspension: { mode: "Memory" } } as const;
  leave(first, sandbox.id, { ...stopping, stateDetails });
  await first.close();

  const other = await host.daemon({
    engine: (engine) => ({ ...another.engine(engine), recover: async () => nothingFound }),
  });
  expect(await other.control.sandboxes.get(sandbox)).toMatchObject({
    state: "Stopping",
    stateDetails: { message: expect.stringContaining("It was made by the fake engine") },
  });
  const refused = { code: "EngineUnavailable", hint: expect.stringContaining("fake engine") };
  await expect(other.control.sandboxes.resume(sandbox, {}, never)).rejects.toMatchObject(refused);
  await expect(other.control.sandboxes.stop(sandbox, {}, never)).rejects.toMatchObject(refused);
  await other.close();

  const { control } = await host.daemon();
  await control.sandboxes.stop(sandbox, {}, never);
  expect(await control.sandboxes.get(sandbox)).toMatchObject({ state: "Stopped", stateDetails });
  expect((await control.sandboxes.get(sandbox)).stateDetails.message).toBeUndefined();
  await control.sandboxes.resume(sandbox, {}, never);
  const { stdout } = await control.execs.runShellCommand(sandbox, { command: "cat /tmp/note" }, never);
  expect(stdout).toBe("kept\n");
});

test("what another engine was resuming is Stopped with all that is kept, and that engine resumes it", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  await first.control.sandboxes.stop(sandbox, {}, never);
  leave(first, sandbox.id, { state: "Resuming", desiredState: "Running" });
  await first.close();

  const other = await host.daemon({
    engine: (engine) => ({ ...another.engine(engine), recover: async () => nothingFound }),
  });
  expect(await other.control.sandboxes.get(sandbox)).toMatchObject({
    ...{ state: "Stopped", desiredState: "Stopped", suspended: { mode: "Memory" } },
    stateDetails: { stoppedReason: "UserStopped", message: expect.stringContaining("by the fake engine") },
  });
  await expect(other.control.sandboxes.resume(sandbox, {}, never)).rejects.toMatchObject({
    code: "EngineUnavailable",
  });
  await other.close();

  const { control } = await host.daemon();
  expect(await control.sandboxes.resume(sandbox, {}, never)).toMatchObject({ state: "Running", stateDetails: {} });
});

test("what another engine was creating is not started by this one, and can be deleted", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const sandbox = await first.control.sandboxes.create(group, debian, never);
  leave(first, sandbox.id, { state: "Creating" });
  await first.close();
  const { control } = await host.daemon({
    engine: (engine) => ({ ...another.engine(engine), recover: async () => nothingFound }),
  });
  expect(await control.sandboxes.get(sandbox)).toMatchObject({ state: "Creating", generation: 1 });
  await control.sandboxes.delete(sandbox, never);
  await expect(control.sandboxes.get(sandbox)).rejects.toMatchObject({ code: "SandboxNotFound" });
});

const nothingFound = { machines: [], lost: new Map(), removed: [] };

import { AlcoveError } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { daemonOwner } from "../../policy/access.js";
import { debian, group, never, overAndCreating, TestHost } from "../test-daemon.js";

const sleeping = { ...debian, cmd: ["sleep", "600"] };

test("a sandbox that was stopped with its memory goes on where it was", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const created = await control.sandboxes.create(group, sleeping, never);
  await control.execs.runShellCommand(created, { command: "echo kept > /tmp/file" }, never);
  const before = await control.sandboxes.processes(created, never);

  const stopped = await control.sandboxes.stop(created, {}, never);
  expect(stopped).toMatchObject({
    state: "Stopped",
    desiredState: "Stopped",
    stateDetails: { stoppedReason: "UserStopped" },
    suspended: { mode: "Memory", stoppedAt: stopped.stateDetails.stoppedAt },
  });
  expect(stopped.suspended?.ownBytes).toBeGreaterThan(0);
  expect(host.fake.machines.size).toBe(0);

  const resumed = await control.sandboxes.resume(created, {}, never);
  expect(resumed).toMatchObject({ state: "Running", desiredState: "Running", stateDetails: {}, generation: 2 });
  expect(resumed.suspended).toBeUndefined();
  expect((await control.sandboxes.processes(created, never)).processes).toEqual(before.processes);
  expect((await control.execs.runCommand(created, { command: "cat", args: ["/tmp/file"] }, never)).stdout).toBe(
    "kept\n",
  );
  expect(host.fake.suspended.size).toBe(0);
});

test("a sandbox that was stopped without its memory boots from its disk and starts its program again", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const created = await control.sandboxes.create(group, sleeping, never);
  await control.execs.runShellCommand(created, { command: "echo kept > /tmp/file" }, never);
  const exec = await control.execs.start(created, { args: ["sleep", "600"] }, never);
  const stopped = await control.sandboxes.stop(created, { mode: "Disk" }, never);
  expect(stopped.suspended?.mode).toBe("Disk");
  await expect(control.sandboxes.resume(created, { from: "Memory" }, never)).rejects.toMatchObject({ field: "from" });
  await control.sandboxes.resume(created, {}, never);
  const execs = await control.execs.list(created, never);
  expect(execs.map(({ id }) => id)).toEqual([created.entrypointExecId]);
  expect(store.execs.list(created.id).map(({ id }) => id)).not.toContain(exec.id);
  expect((await control.execs.runCommand(created, { command: "cat", args: ["/tmp/file"] }, never)).stdout).toBe(
    "kept\n",
  );
});

test("what was stopped with its memory can boot from its disk", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const created = await control.sandboxes.create(group, debian, never);
  await control.execs.start(created, { args: ["sleep", "600"] }, never);
  await control.sandboxes.stop(created, {}, never);
  await control.sandboxes.resume(created, { from: "Disk" }, never);
  expect(await control.execs.list(created, never)).toEqual([]);
});

test("a stopped sandbox costs no cores and memory, and its quota is looked at again when it is resumed", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const first = await control.sandboxes.create(group, debian, never);
  await control.groups.setQuota(group, { cores: 1, sandboxes: 2 });
  await control.sandboxes.stop(first, {}, never);
  expect((await control.usage.get(group)).used).toMatchObject({ cores: 0, memory: "0Mi", sandboxes: 1 });
  expect((await control.system.health(daemonOwner)).memory?.committedMiB).toBe(0);
  const second = await control.sandboxes.create(group, debian, never);
  await expect(control.sandboxes.resume(first, {}, never)).rejects.toMatchObject({
    code: "QuotaExceeded",
    field: "quota.cores",
  });
  expect((await control.sandboxes.get(first)).state).toBe("Stopped");
  await control.sandboxes.stop(second, {}, never);
  await expect(control.sandboxes.create(group, debian, never)).rejects.toMatchObject({ field: "quota.sandboxes" });
  await control.sandboxes.delete(second, never);
  expect((await control.sandboxes.resume(first, {}, never)).state).toBe("Running");
});

test("a resume for which the host has no memory says what is needed and what there is, and can be tried again", async () => {
  await using host = new TestHost();
  let availableMiB = 60_000;
  const { control } = await host.daemon({
    options: {
      host: { ...host.facts, availableMemoryMiB: () => availableMiB },
      capacity: { reservedMemoryMiB: 1_024, memoryOvercommit: 1.5, maxConcurrentCreates: 4, queueTimeoutMs: 50 },
    },
  });
  const sandbox = await control.sandboxes.create(group, debian, never);
  await control.sandboxes.stop(sandbox, {}, never);
  availableMiB = 2_000;
  await expect(control.sandboxes.resume(sandbox, {}, never)).rejects.toMatchObject({
    code: "CapacityExceeded",
    message: expect.stringMatching(/2048 MiB of memory are needed and .* 976 MiB to spare/),
  });
  const stopped = await control.sandboxes.get(sandbox);
  expect(stopped).toMatchObject({ state: "Stopped", suspended: { mode: "Memory" } });
  expect(stopped.stateDetails.message).toContain("could not be resumed");
  availableMiB = 60_000;
  expect((await control.sandboxes.resume(sandbox, {}, never)).stateDetails).toEqual({});
});

test("a stop that fails leaves the sandbox running and says why", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  host.fake.faults.suspendError = new AlcoveError("DiskFull", "The host's disk is full.");
  await expect(control.sandboxes.stop(sandbox, {}, never)).rejects.toMatchObject({ code: "DiskFull" });
  const running = await control.sandboxes.get(sandbox);
  expect(running).toMatchObject({ state: "Running", desiredState: "Running" });
  expect(running.stateDetails.message).toBe("It could not be stopped: The host's disk is full.");
  expect((await control.execs.runCommand(sandbox, { command: "true" }, never)).exitCode).toBe(0);
  expect(store.journal.list()).toEqual([]);
});

test("a resume that fails leaves all that was kept", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  await control.execs.start(sandbox, { args: ["sleep", "600"] }, never);
  await control.sandboxes.stop(sandbox, {}, never);
  host.fake.faults.startError = new AlcoveError("GuestUnresponsive", "Its agent did not answer.");
  await expect(control.sandboxes.resume(sandbox, {}, never)).rejects.toMatchObject({ code: "GuestUnresponsive" });
  expect(store.journal.list()).toEqual([]);
  delete host.fake.faults.startError;
  await control.sandboxes.resume(sandbox, {}, never);
  expect(await control.execs.list(sandbox, never)).toMatchObject([{ state: "Running" }]);
});

test("those who ask at once share the work", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const five = [1, 2, 3, 4, 5];
  const stops = await Promise.all(five.map(() => control.sandboxes.stop(sandbox, {}, never)));
  expect(new Set(stops.map(({ state }) => state))).toEqual(new Set(["Stopped"]));
  const resumes = await Promise.all(five.map(() => control.sandboxes.resume(sandbox, {}, never)));
  expect(resumes.map(({ generation }) => generation)).toEqual([2, 2, 2, 2, 2]);
});

test("a resume waits for a stop that is under way, and a stop for a resume", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  host.fake.faults.suspendDelayMs = 30;
  const begun = await control.sandboxes.stop(sandbox, { wait: false }, never);
  expect(begun).toMatchObject({ state: "Stopping", stateDetails: { stoppedReason: "UserStopped" } });
  expect((await control.sandboxes.resume(sandbox, {}, never)).state).toBe("Running");

  await control.sandboxes.stop(sandbox, {}, never);
  host.fake.faults.startDelayMs = 30;
  const resuming = control.sandboxes.resume(sandbox, {}, never);
  await waitFor(async () => (await control.sandboxes.get(sandbox)).state === "Resuming" || undefined, never);
  expect((await control.sandboxes.stop(sandbox, {}, never)).state).toBe("Stopped");
  expect((await resuming).generation).toBe(3);
});

test("a disabled sandbox is not resumed until it is enabled", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const disabled = await control.sandboxes.disable(sandbox, never);
  expect(disabled).toMatchObject({ state: "Stopped", stateDetails: { stoppedReason: "Disabled" } });
  await expect(control.sandboxes.resume(sandbox, {}, never)).rejects.toMatchObject({ code: "SandboxDisabled" });
  expect((await control.sandboxes.enable(sandbox)).stateDetails.stoppedReason).toBe("UserStopped");
  expect((await control.sandboxes.enable(sandbox)).state).toBe("Stopped");
  await control.sandboxes.resume(sandbox, {}, never);

  await control.sandboxes.stop(sandbox, { mode: "Disk" }, never);
  const later = await control.sandboxes.disable(sandbox, never);
  expect(later).toMatchObject({ stateDetails: { stoppedReason: "Disabled" }, suspended: { mode: "Disk" } });
});

test("a sandbox that is woken while it is disabled is disabled all the same, and stays stopped", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const stayed = { state: "Stopped", stateDetails: { stoppedReason: "Disabled" } };
  for (let turns = 0; turns < 20; turns++) {
    await control.sandboxes.stop(sandbox, {}, never);
    const waking = Promise.allSettled([control.sandboxes.resume(sandbox, {}, never)]);
    for (let turn = 0; turn < turns; turn++) await undefined;
    expect(await control.sandboxes.disable(sandbox, never)).toMatchObject(stayed);
    await waking;
    expect(await control.sandboxes.get(sandbox)).toMatchObject(stayed);
    await control.sandboxes.enable(sandbox);
  }
});

test("what is over, or not there yet, can be neither stopped nor resumed nor disabled", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { over, creating } = await overAndCreating(host, control);
  for (const sandbox of [over, creating]) {
    const calls = [
      () => control.sandboxes.stop(sandbox, {}, never),
      () => control.sandboxes.resume(sandbox, {}, never),
      () => control.sandboxes.disable(sandbox, never),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "SandboxNotRunning" });
  }
  const nowhere = { group, id: "0f8fad5b-d9cb-469f-a165-70867728950e" };
  await expect(control.sandboxes.stop(nowhere, {}, never)).rejects.toMatchObject({ code: "SandboxNotFound" });
  await expect(control.sandboxes.enable(nowhere)).rejects.toMatchObject({ code: "SandboxNotFound" });
});

test("a stopped sandbox is deleted with all that was kept; so is one that is being stopped or resumed", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const stopped = await control.sandboxes.create(group, debian, never);
  await control.sandboxes.stop(stopped, {}, never);
  await control.sandboxes.delete(stopped, never);

  const stopping = await control.sandboxes.create(group, debian, never);
  host.fake.faults.suspendDelayMs = 60_000;
  const stop = control.sandboxes.stop(stopping, {}, never).catch((error: unknown) => error);
  await waitFor(async () => (await control.sandboxes.get(stopping)).state === "Stopping" || undefined, never);
  await control.sandboxes.delete(stopping, never);
  expect(await stop).toMatchObject({ code: "SandboxNotFound" });
  delete host.fake.faults.suspendDelayMs;

  const resuming = await control.sandboxes.create(group, debian, never);
  await control.sandboxes.stop(resuming, {}, never);
  host.fake.faults.startDelayMs = 60_000;
  const resume = control.sandboxes.resume(resuming, {}, never).catch((error: unknown) => error);
  await waitFor(async () => (await control.sandboxes.get(resuming)).state === "Resuming" || undefined, never);
  await control.sandboxes.delete(resuming, never);
  expect(await resume).toMatchObject({ code: "SandboxNotFound" });
  expect([host.fake.machines.size, host.fake.suspended.size]).toEqual([0, 0]);
  expect(await control.sandboxes.list(group, {})).toEqual([]);
});

test("a machine that dies while it is being stopped leaves the sandbox Stopped for good", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  host.fake.faults.suspendDelayMs = 30;
  const stop = control.sandboxes.stop(sandbox, {}, never).catch((error: unknown) => error);
  await waitFor(async () => (await control.sandboxes.get(sandbox)).state === "Stopping" || undefined, never);
  host.fake.machines.get(sandbox.id)?.stop({ reason: "EngineLost", message: "It was killed." });
  expect(await stop).toBeInstanceOf(AlcoveError);
  expect(await control.sandboxes.get(sandbox)).toMatchObject({
    state: "Stopped",
    stateDetails: { stoppedReason: "EngineLost" },
  });
  await expect(control.sandboxes.resume(sandbox, {}, never)).rejects.toMatchObject({ code: "SandboxNotRunning" });
});

test("a program that resists the freeze is told of", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  host.fake.faults.isFreezeRefused = true;
  expect((await control.sandboxes.stop(sandbox, {}, never)).stateDetails.message).toContain("resisted the freeze");
});

test("stopped sandboxes are there after the daemon and the host were restarted; what is kept of them may be lost", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  const kept = await first.control.sandboxes.create(group, sleeping, never);
  const lost = await first.control.sandboxes.create(group, debian, never);
  for (const sandbox of [kept, lost]) await first.control.sandboxes.stop(sandbox, {}, never);
  await first.close();
  host.fake.restart();
  host.fake.suspended.delete(lost.id);
  const { control } = await host.daemon();
  expect((await control.sandboxes.resume(kept, {}, never)).state).toBe("Running");
  expect(await control.execs.list(kept, never)).toMatchObject([{ state: "Running" }]);
  const gone = await control.sandboxes.get(lost);
  expect(gone).toMatchObject({ state: "Stopped", stateDetails: { stoppedReason: "EngineLost" } });
  expect(gone.suspended).toBeUndefined();
});

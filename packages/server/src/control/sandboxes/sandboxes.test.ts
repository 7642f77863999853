import { randomUUID } from "node:crypto";
import { AlcoveError, Sandbox } from "@alcove/contract";
import { expect, test, vi } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { daemonOwner } from "../../policy/access.js";
import { debian, group, never, TestHost, withMembers } from "../test-daemon.js";

const problem = (fields: Partial<AlcoveError>) => expect.objectContaining(fields);

test("a sandbox is created Running with what was asked for, rounded to the grid", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const body = {
    ...debian,
    resources: { cpu: "0.3", memory: "700Mi" },
    labels: { app: "web" },
    environment: { A: "b" },
  };
  const sandbox = await control.sandboxes.create(group, body, never);
  expect(Sandbox.parse(sandbox)).toMatchObject({
    state: "Running",
    desiredState: "Running",
    resources: { cpu: "500m", memory: "1024Mi", disk: "20480Mi" },
    labels: { app: "web" },
    generation: 1,
    engine: "fake",
  });
  expect(sandbox).not.toHaveProperty("environment");
  expect(await control.sandboxes.get(sandbox)).toMatchObject(sandbox);
  expect(await control.sandboxes.list(group, { labels: { app: "web" } })).toEqual([sandbox]);
  expect(await control.sandboxes.count(group, { state: "Running" })).toBe(1);
  expect(store.journal.list()).toEqual([]);
});

test("an unknown image, an unknown group and a size beyond the host change nothing", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const create = (body: object, inGroup = group) => control.sandboxes.create(inGroup, { ...debian, ...body }, never);
  await expect(create({ sourcesRef: { diskImage: { name: "nix" } } })).rejects.toEqual(
    problem({ code: "ImageNotFound", field: "sourcesRef.diskImage.name", value: "nix" }),
  );
  await expect(create({}, "other")).rejects.toEqual(problem({ code: "GroupNotFound", value: "other" }));
  await expect(create({ resources: { cpu: "8" } })).rejects.toEqual(
    problem({
      code: "CapacityExceeded",
      field: "resources.cpu",
      message: "The host has 4 cores; the sandbox needs 8.",
    }),
  );
  expect(store.sandboxes.all()).toEqual([]);
  expect(store.events.bounds(group).newest).toBe(0);
  expect(host.fake.machines.size).toBe(0);
});

test("below the free-space mark nothing is created, and health and doctor say so", async () => {
  await using host = new TestHost();
  host.facts.disk = async () => ({ freeBytes: 500_000_000, totalBytes: 1e10 });
  const { control, store } = await host.daemon();
  await expect(control.sandboxes.create(group, debian, never)).rejects.toEqual(
    problem({ code: "DiskFull", message: expect.stringContaining("476 MiB free") }),
  );
  expect(store.sandboxes.all()).toEqual([]);
  expect(await control.system.health(daemonOwner)).toMatchObject({
    status: "degraded",
    problems: [expect.stringContaining("476 MiB")],
  });
  const { findings } = await control.system.doctor(never);
  expect(findings).toContainEqual(expect.objectContaining({ check: "freeSpace", level: "error" }));
});

test("a start that fails is told to its caller and leaves a Failed sandbox that says why, and no machine", async () => {
  await using host = new TestHost();
  host.fake.faults.startError = new AlcoveError("GuestUnresponsive", "The kernel did not boot.");
  const { control, store } = await host.daemon();
  await expect(control.sandboxes.create(group, debian, never)).rejects.toEqual(problem({ code: "GuestUnresponsive" }));
  const [failed] = await control.sandboxes.list(group, { state: "Failed" });
  expect(failed?.stateDetails).toMatchObject({ stoppedReason: "CreateFailed", message: "The kernel did not boot." });
  expect(host.fake.machines.size).toBe(0);
  expect(store.journal.list()).toEqual([]);
  await control.sandboxes.delete({ group, id: failed?.id ?? "" }, never);
  expect(await control.sandboxes.count(group, {})).toBe(0);
});

test("a caller who goes away does not end the creation", async () => {
  await using host = new TestHost();
  host.fake.faults.startDelayMs = 50;
  const { control } = await host.daemon();
  const caller = new AbortController();
  const created = control.sandboxes.create(group, debian, caller.signal);
  await waitFor(async () => (await control.sandboxes.list(group, {}))[0], never);
  caller.abort(new Error("gone"));
  await expect(created).rejects.toThrow("gone");
  await waitFor(async () => (await control.sandboxes.list(group, { state: "Running" }))[0], never);
});

test("deleting takes everything away, is idempotent, and many at once share the work", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  await Promise.all(Array.from({ length: 5 }, () => control.sandboxes.delete(sandbox, never)));
  await control.sandboxes.delete(sandbox, never);
  await control.sandboxes.delete({ group, id: randomUUID() }, never);
  expect(host.fake.machines.size).toBe(0);
  expect(store.sandboxes.all()).toEqual([]);
  expect(store.journal.list()).toEqual([]);
  await expect(control.sandboxes.get(sandbox)).rejects.toEqual(problem({ code: "SandboxNotFound" }));
  expect((await control.system.health(daemonOwner)).memory?.committedMiB).toBe(0);
});

test("a sandbox can be deleted while it is created: its creator is told, nothing is left", async () => {
  await using host = new TestHost();
  host.fake.faults.startDelayMs = 60_000;
  const { control, store } = await host.daemon();
  const created = control.sandboxes.create(group, debian, never);
  const refused = expect(created).rejects.toEqual(problem({ code: "SandboxNotFound" }));
  const id = await waitFor(() => [...host.fake.machines.keys()][0], never);
  await Promise.all([control.sandboxes.delete({ group, id }, never), control.sandboxes.delete({ group, id }, never)]);
  await refused;
  expect(host.fake.machines.size).toBe(0);
  expect(store.sandboxes.all()).toEqual([]);
  expect(store.journal.list()).toEqual([]);
});

test("creations beyond the limit wait for their turn, in order", async () => {
  await using host = new TestHost();
  host.fake.faults.startDelayMs = 30;
  const capacity = { reservedMemoryMiB: 0, memoryOvercommit: 1, maxConcurrentCreates: 2, queueTimeoutMs: 10_000 };
  let starting = 0;
  let most = 0;
  const order: string[] = [];
  const { control } = await host.daemon({
    options: { capacity },
    engine: (engine) => ({
      ...withMembers(engine),
      async start(spec, signal) {
        order.push(spec.environment.N ?? "");
        most = Math.max(most, ++starting);
        return engine.start(spec, signal).finally(() => starting--);
      },
    }),
  });
  await control.sandboxes.create(group, debian, never);
  order.length = 0;
  const numbers = ["0", "1", "2", "3", "4", "5"];
  await Promise.all(numbers.map((N) => control.sandboxes.create(group, { ...debian, environment: { N } }, never)));
  expect(most).toBe(2);
  expect(order).toEqual(numbers);
});

test("a creation that the host has no memory for waits until another sandbox is gone", async () => {
  await using host = new TestHost();
  host.facts.totalMemoryMiB = 3_000;
  const capacity = { reservedMemoryMiB: 0, memoryOvercommit: 1, maxConcurrentCreates: 2, queueTimeoutMs: 10_000 };
  const { control } = await host.daemon({ options: { capacity } });
  const first = await control.sandboxes.create(group, debian, never);
  const second = control.sandboxes.create(group, debian, never);
  await waitFor(async () => (await control.sandboxes.list(group, { state: "Creating" }))[0], never);
  await control.sandboxes.delete(first, never);
  expect((await second).state).toBe("Running");
});

test("creations that wait for their image count as those in the queue do: the 513th at once is refused", async () => {
  await using host = new TestHost();
  let release = () => {};
  host.images.building = new Promise((resolve) => (release = resolve));
  const { control, close } = await host.daemon();
  const outcomes: unknown[] = [];
  for (let number = 0; number < 513; number++)
    void control.sandboxes
      .create(group, debian, new AbortController().signal)
      .catch((error: unknown) => outcomes.push(error));
  const refused = problem({
    code: "TooManyRequests",
    message: "512 sandboxes of the group are being created already.",
  });
  await vi.waitFor(() => expect(outcomes).toEqual([refused]), { timeout: 20_000 });
  expect(await control.sandboxes.count(group, { state: "Creating" })).toBe(512);
  const closed = close();
  release();
  await closed;
});

test("a failure that cannot be recorded at first is recorded when it can be", async () => {
  await using host = new TestHost();
  host.fake.faults.startError = new AlcoveError("GuestUnresponsive", "The kernel did not boot.");
  const { control, store } = await host.daemon();
  vi.spyOn(store.journal, "finishAll").mockImplementationOnce(() => {
    throw new Error("database or disk is full");
  });
  await expect(control.sandboxes.create(group, debian, never)).rejects.toEqual(problem({ code: "GuestUnresponsive" }));
  expect(await control.sandboxes.count(group, { state: "Failed" })).toBe(1);
  expect(store.journal.list()).toEqual([]);
});

test("a creation that waited too long says for what, and is Failed", async () => {
  await using host = new TestHost();
  host.facts.totalMemoryMiB = 3_000;
  const capacity = { reservedMemoryMiB: 0, memoryOvercommit: 1, maxConcurrentCreates: 2, queueTimeoutMs: 50 };
  const { control } = await host.daemon({ options: { capacity } });
  await control.sandboxes.create(group, debian, never);
  await expect(control.sandboxes.create(group, debian, never)).rejects.toEqual(
    problem({ code: "CapacityExceeded", message: expect.stringContaining("952 MiB are not promised") }),
  );
  expect(await control.sandboxes.count(group, { state: "Failed" })).toBe(1);
});

test("a guest that powers off is Stopped, its machine is cleared away, and calls say how it is", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  host.fake.machines.get(sandbox.id)?.powerOff();
  await waitFor(async () => (await control.sandboxes.list(group, { state: "Stopped" }))[0], never);
  await expect(control.execs.list(sandbox, never)).rejects.toEqual(
    problem({
      code: "SandboxNotRunning",
      message: `The sandbox ${sandbox.id} is Stopped (GuestExited): The guest powered off.`,
    }),
  );
  await waitFor(() => (host.fake.machines.size === 0 ? true : undefined), never);
  await control.sandboxes.delete(sandbox, never);
});

test("a sandbox that the host holds says so, and goes on", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const sandbox = await control.sandboxes.create(group, debian, never);
  const machine = host.fake.machines.get(sandbox.id);
  machine?.setHold({ reason: "DiskFull" });
  expect(await control.sandboxes.get(sandbox)).toMatchObject({
    state: "Running",
    stateDetails: { pausedReason: "DiskFull", message: expect.stringContaining("disk is full") },
  });
  machine?.setHold(undefined);
  expect((await control.sandboxes.get(sandbox)).stateDetails).toEqual({});
});

test("the entrypoint runs with the sandbox, in its directory, and its end does not stop the sandbox", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const program = { entrypoint: ["/bin/sh", "-c"], cmd: ["pwd; exit 3"], workingDirectory: "/tmp" };
  const sandbox = await control.sandboxes.create(group, { ...debian, ...program }, never);
  const execId = sandbox.entrypointExecId ?? "";
  const exec = await control.execs.get({ ...sandbox, execId }, 10_000, never);
  expect(exec).toMatchObject({ state: "Exited", exitCode: 3, args: ["/bin/sh", "-c", "pwd; exit 3"], stdoutBytes: 5 });
  expect((await control.sandboxes.get(sandbox)).state).toBe("Running");
});

test("a destroy that fails leaves the sandbox Deleting, and the next delete ends it", async () => {
  await using host = new TestHost();
  let isBroken = true;
  const { control } = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      async start(spec, signal) {
        const machine = await engine.start(spec, signal);
        return {
          ...machine,
          destroy: async () => (isBroken ? Promise.reject(new Error("busy")) : machine.destroy()),
        };
      },
    }),
  });
  const sandbox = await control.sandboxes.create(group, debian, never);
  await expect(control.sandboxes.delete(sandbox, never)).rejects.toThrow("busy");
  expect((await control.sandboxes.get(sandbox)).state).toBe("Deleting");
  isBroken = false;
  await control.sandboxes.delete(sandbox, never);
  expect(await control.sandboxes.count(group, {})).toBe(0);
  expect(host.fake.machines.size).toBe(0);
});

test("a daemon that stops turns calls away and leaves creations to the next one", async () => {
  await using host = new TestHost();
  host.fake.faults.startDelayMs = 60_000;
  const first = await host.daemon();
  const created = first.control.sandboxes.create(group, debian, never);
  const refused = expect(created).rejects.toEqual(problem({ code: "DaemonStopping" }));
  await waitFor(() => [...host.fake.machines.keys()][0], never);
  await first.close();
  await refused;
  await expect(first.control.sandboxes.list(group, {})).rejects.toEqual(problem({ code: "DaemonStopping" }));
  expect(host.fake.machines.size).toBe(0);
  host.fake.faults.startDelayMs = 0;
  const second = await host.daemon();
  const sandbox = await waitFor(
    async () => (await second.control.sandboxes.list(group, { state: "Running" }))[0],
    never,
  );
  expect(sandbox.generation).toBe(2);
});

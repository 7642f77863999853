import { AlcoveError, type ErrorCode } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, type TestDaemon, TestHost, withMembers } from "../test-daemon.js";
import { entropyOf } from "./forks.js";
import { requireSaves } from "./snapshot-taking.js";

async function boxWith({ control }: TestDaemon, content: string) {
  const sandbox = await control.sandboxes.create(
    group,
    { ...debian, labels: { is: "origin" }, environment: { COLOUR: "red" }, cmd: ["sleep", "600"] },
    never,
  );
  await put({ control }, sandbox, content);
  return sandbox;
}

async function put({ control }: Pick<TestDaemon, "control">, ref: { group: string; id: string }, content: string) {
  const run = await control.execs.runShellCommand(ref, { command: `echo ${content} > /root/note` }, never);
  expect(run.exitCode).toBe(0);
}

async function note({ control }: Pick<TestDaemon, "control">, ref: { group: string; id: string }): Promise<string> {
  return (await control.execs.runShellCommand(ref, { command: "cat /root/note" }, never)).stdout.trim();
}

function code(expected: ErrorCode) {
  return expect.objectContaining({ code: expected });
}

test("a sandbox that starts from a snapshot is what the other was then, and each goes its own way", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control, store } = daemon;
  const origin = await boxWith(daemon, "before");
  const snapshot = await control.snapshots.take(origin, { name: "first", labels: { a: "b" } }, never);
  expect(snapshot).toMatchObject({ status: "Ready", mode: "Memory", sandboxId: origin.id, name: "first", usedBy: [] });
  expect(snapshot.ownBytes).toBeGreaterThan(0);
  await put(daemon, origin, "after");

  const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: snapshot.id } } }, never);
  expect(child).toMatchObject({
    ...{ state: "Running", labels: {}, resources: origin.resources, cmd: ["sleep", "600"] },
    sourcesRef: { diskImage: { name: "debian" }, snapshot: { id: snapshot.id } },
  });
  expect(await note(daemon, child)).toBe("before");
  expect(await note(daemon, origin)).toBe("after");
  const colour = await control.execs.runShellCommand(child, { command: "echo $COLOUR" }, never);
  expect(colour.stdout).toBe("red\n");
  const execs = await control.execs.list(child, never);
  expect(execs.map(({ id, state }) => [id, state])).toEqual([[origin.entrypointExecId, "Running"]]);
  expect(store.execs.list(child.id).map(({ id }) => id)).toEqual([origin.entrypointExecId]);
  expect(await control.snapshots.get({ group, snapshotId: snapshot.id })).toMatchObject({ usedBy: [child.id] });
  const again = await control.snapshots.take(child, {}, never);
  expect(again.parentId).toBe(snapshot.id);
});

test("what comes along with a snapshot is not said anew, and its size stays", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const origin = await control.sandboxes.create(group, { ...debian, resources: { tier: "S" } }, never);
  const { id } = await control.snapshots.take(origin, {}, never);
  const create = (more: object) =>
    control.sandboxes.create(group, { sourcesRef: { snapshot: { id } }, ...more }, never);
  for (const field of ["environment", "entrypoint", "cmd", "entrypointSecrets", "workingDirectory"]) {
    const value = field === "environment" ? {} : field === "workingDirectory" ? "/" : [];
    await expect(create({ [field]: value }), field).rejects.toMatchObject({ code: "InvalidRequest", field });
  }
  await expect(create({ resources: { tier: "M" } })).rejects.toMatchObject({ field: "resources" });
  await expect(create({ resources: { tier: "S" }, labels: { a: "b" } })).resolves.toMatchObject({ labels: { a: "b" } });
});

test("a snapshot goes when it is deleted, and what started from it goes on", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const origin = await boxWith(daemon, "kept");
  const { id } = await control.snapshots.take(origin, {}, never);
  const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never);
  await control.snapshots.delete({ group, snapshotId: id });
  await control.snapshots.delete({ group, snapshotId: id });
  expect(host.fake.snapshots.size).toBe(0);
  expect(await note(daemon, child)).toBe("kept");
  await expect(control.snapshots.get({ group, snapshotId: id })).rejects.toEqual(code("SnapshotNotFound"));
  await expect(control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never)).rejects.toMatchObject({
    ...{ code: "SnapshotNotFound", field: "sourcesRef.snapshot.id" },
  });
});

test("one that is deleted while a sandbox starts from it stays until that runs", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const origin = await control.sandboxes.create(group, debian, never);
  const { id } = await control.snapshots.take(origin, {}, never);
  host.fake.faults.startDelayMs = 100;
  const creating = control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never);
  const isCreating = async () =>
    (await control.sandboxes.count(group, { state: "Creating" })) === 1 ? true : undefined;
  await waitFor(isCreating, AbortSignal.timeout(20_000));
  await control.snapshots.delete({ group, snapshotId: id });
  expect(host.fake.snapshots.size).toBe(1);
  await expect(control.snapshots.get({ group, snapshotId: id })).rejects.toEqual(code("SnapshotNotFound"));
  await expect(creating).resolves.toMatchObject({ state: "Running" });
  await waitFor(() => (host.fake.snapshots.size === 0 ? true : undefined), AbortSignal.timeout(20_000));
});

test("what fails while a snapshot is taken leaves nothing of it", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const origin = await control.sandboxes.create(group, debian, never);
  host.fake.faults.snapshotError = new AlcoveError("DiskFull", "the disk is full");
  await expect(control.snapshots.take(origin, {}, never)).rejects.toEqual(code("DiskFull"));
  await waitFor(() => (store.snapshots.all().length === 0 ? true : undefined), AbortSignal.timeout(20_000));
  expect((await control.groups.get(group)).used.snapshots).toBe(0);
  delete host.fake.faults.snapshotError;
  await expect(control.snapshots.take(origin, {}, never)).resolves.toMatchObject({ status: "Ready" });
});

test("a sandbox that does not run has no snapshot taken, and says its state", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const origin = await control.sandboxes.create(group, debian, never);
  host.fake.machines.get(origin.id)?.powerOff();
  const isStopped = async () => ((await control.sandboxes.get(origin)).state === "Stopped" ? true : undefined);
  await waitFor(isStopped, AbortSignal.timeout(20_000));
  await expect(control.snapshots.take(origin, {}, never)).rejects.toEqual(code("SandboxNotRunning"));
  await expect(control.snapshots.take({ group: "other", id: origin.id }, {}, never)).rejects.toEqual(
    code("GroupNotFound"),
  );
});

test("snapshots are listed by label and sandbox, newest first, page by page", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const [one, two] = [
    await control.sandboxes.create(group, debian, never),
    await control.sandboxes.create(group, debian, never),
  ];
  const a = await control.snapshots.take(one, { labels: { stage: "a", run: "1" } }, never);
  const b = await control.snapshots.take(one, { labels: { stage: "b" } }, never);
  const c = await control.snapshots.take(two, { labels: { stage: "a" } }, never);
  const ids = async (filter: object) => (await control.snapshots.list(group, filter)).map(({ id }) => id);
  expect(await ids({})).toEqual([c.id, b.id, a.id]);
  expect(await ids({ labels: { stage: "a" } })).toEqual([c.id, a.id]);
  expect(await ids({ labels: { stage: "a", run: "1" } })).toEqual([a.id]);
  expect(await ids({ sandboxId: one.id })).toEqual([b.id, a.id]);
  expect(await ids({ before: b.id })).toEqual([a.id]);
  expect(await ids({ pageSize: 1, page: 2 })).toEqual([b.id]);
  expect(await control.snapshots.count(group, { labels: { stage: "a" } })).toBe(2);
  const changed = await control.snapshots.changeLabels({ group, snapshotId: b.id }, { stage: null, x: "y" });
  expect(changed.labels).toEqual({ x: "y" });
});

test("a group's quota of snapshots holds, and the group is not empty while it has one", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "team", quota: { snapshots: 1 } });
  const origin = await control.sandboxes.create("team", debian, never);
  const both = await Promise.allSettled([1, 2].map(() => control.snapshots.take(origin, {}, never)));
  expect(both.filter(({ status }) => status === "rejected")).toMatchObject([{ reason: { code: "QuotaExceeded" } }]);
  await control.sandboxes.delete(origin, never);
  const deletion = control.groups.delete("team", { force: false }, never);
  await expect(deletion).rejects.toThrow("The group team has 1 snapshot in it.");
  await control.groups.delete("team", { force: true }, never);
  expect(host.fake.snapshots.size).toBe(0);
});

test("an image stays while a snapshot stands on it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.images.create(group, { name: "own", source: { kind: "registry", imageUrl: "registry.example.com/x" } });
  const origin = await control.sandboxes.create(group, { sourcesRef: { diskImage: { name: "own" } } }, never);
  const { id } = await control.snapshots.take(origin, {}, never);
  await control.sandboxes.delete(origin, never);
  await expect(control.images.delete(group, "own")).rejects.toMatchObject({
    code: "ImageInUse",
    message: expect.stringContaining(id),
  });
  expect((await control.images.prune(group, {})).deleted).toEqual([]);
  const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never);
  await control.snapshots.delete({ group, snapshotId: id });
  await control.sandboxes.delete(child, never);
  await control.images.delete(group, "own");
  expect(host.images.contents.size).toBe(1);
});

test("copies of a running sandbox are what it is, share nothing, and leave no snapshot behind", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const origin = await control.sandboxes.create(
    group,
    { ...debian, secretEnvironment: { TOKEN: "s3cret" }, labels: { is: "origin" } },
    never,
    { maker: "owner" },
  );
  await put(daemon, origin, "same");
  const fork = await control.snapshots.fork(origin, { count: 3, labels: { try: "1" }, seed: "ab".repeat(32) }, never, {
    maker: "owner",
  });
  expect(fork).toMatchObject({ totalRequested: 3, succeeded: 3, failed: 0, errors: [] });
  for (const copy of fork.sandboxes) {
    expect(copy).toMatchObject({ labels: { try: "1" }, forkedFrom: origin.id, state: "Running" });
    expect(copy.sourcesRef).toEqual({ diskImage: { name: "debian", isPublic: true } });
    expect(await note(daemon, copy)).toBe("same");
    const secret = await control.execs.runShellCommand(copy, { command: "echo $TOKEN", secrets: ["TOKEN"] }, never);
    expect(secret.stdout).toBe("s3cret\n");
  }
  await put(daemon, origin, "other");
  expect(await Promise.all(fork.sandboxes.map((copy) => note(daemon, copy)))).toEqual(["same", "same", "same"]);
  await waitFor(() => (host.fake.snapshots.size === 0 ? true : undefined), AbortSignal.timeout(20_000));
  expect(await control.snapshots.count(group, {})).toBe(0);
  const entropies = fork.sandboxes.map(({ id }) => daemon.store.sandboxes.find(id)?.entropy).sort();
  expect(entropies).toEqual([0, 1, 2].map((index) => entropyOf("ab".repeat(32), index)).sort());
});

test("copies have the secrets and the activation of a source that is deleted while they are made", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      saves: {
        ...requireSaves({ engine }),
        async share() {
          await daemon.control.sandboxes.delete(origin, never);
        },
      },
    }),
  });
  const { control } = daemon;
  const origin = await control.sandboxes.create(
    group,
    { ...debian, secretEnvironment: { TOKEN: "s3cret" }, entrypointSecrets: ["TOKEN"], activationMode: "Manual" },
    never,
    { maker: "owner" },
  );
  const fork = await control.snapshots.fork(origin, { count: 2 }, never, { maker: "owner" });
  expect(fork).toMatchObject({ succeeded: 2, failed: 0 });
  for (const copy of fork.sandboxes) {
    expect(copy).toMatchObject({ activationMode: "Manual", state: "Running" });
    const secret = await control.execs.runShellCommand(copy, { command: "echo $TOKEN", secrets: ["TOKEN"] }, never);
    expect(secret.stdout).toBe("s3cret\n");
  }
  await expect(control.sandboxes.get(origin)).rejects.toEqual(code("SandboxNotFound"));
});

test("copies that were starting when the daemon stopped are made by the next one, of the same instant", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const origin = await boxWith(daemon, "then");
  host.fake.faults.startDelayMs = 60_000;
  const forking = daemon.control.snapshots.fork(origin, { count: 2, labels: { is: "copy" } }, never);
  forking.catch(() => undefined);
  const labels = { is: "copy" };
  const areCreating = async () => ((await daemon.control.sandboxes.count(group, { labels })) === 2 ? true : undefined);
  await waitFor(areCreating, AbortSignal.timeout(20_000));
  await put(daemon, origin, "now");
  await daemon.close();
  delete host.fake.faults.startDelayMs;
  const next = await host.daemon();
  const areRunning = async () => {
    const copies = await next.control.sandboxes.list(group, { labels });
    return copies.every(({ state }) => state === "Running") ? copies : undefined;
  };
  const copies = await waitFor(areRunning, AbortSignal.timeout(20_000));
  expect(await Promise.all(copies.map((copy) => note(next, copy)))).toEqual(["then", "then"]);
  await waitFor(() => (host.fake.snapshots.size === 0 ? true : undefined), AbortSignal.timeout(20_000));
});

test("a copy begins with the seed's random numbers once: what goes on later has new ones", async () => {
  await using host = new TestHost();
  const seen: (string | undefined)[] = [];
  const { control } = await host.daemon({
    engine: (engine) => ({
      ...withMembers(engine),
      start(spec, signal) {
        seen.push(spec.entropy && Buffer.from(spec.entropy).toString("hex"));
        return engine.start(spec, signal);
      },
    }),
  });
  const origin = await control.sandboxes.create(group, debian, never);
  const seed = "0f".repeat(64);
  const [copy] = (await control.snapshots.fork(origin, { count: 1, seed }, never)).sandboxes;
  if (copy === undefined) throw new Error("no copy");
  const { id } = await control.snapshots.take(copy, {}, never);
  await control.snapshots.rollback(copy, { snapshotId: id }, never);
  await control.sandboxes.stop(copy, {}, never);
  await control.sandboxes.resume(copy, {}, never);
  expect(seen).toEqual([undefined, entropyOf(seed, 0), undefined, undefined]);
});

test("what a snapshot takes is told as it is now", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const origin = await control.sandboxes.create(group, debian, never);
  const { id, ownBytes } = await control.snapshots.take(origin, {}, never);
  const kept = host.fake.snapshots.get(id);
  if (kept === undefined) throw new Error("no snapshot");
  host.fake.snapshots.set(id, { ...kept, tree: kept.tree.subarray(0, 512) });
  expect(ownBytes).toBeGreaterThan(512);
  expect(await control.snapshots.get({ group, snapshotId: id })).toMatchObject({ ownBytes: 512 });
  host.fake.snapshots.delete(id);
  expect(await control.snapshots.get({ group, snapshotId: id })).toMatchObject({ ownBytes });
});

test("copies beyond the quota are told one by one", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "team", quota: { sandboxes: 3 } });
  const origin = await control.sandboxes.create("team", debian, never);
  const fork = await control.snapshots.fork(origin, { count: 4 }, never);
  expect(fork).toMatchObject({ succeeded: 2, failed: 2 });
  expect(fork.errors.map(({ problem }) => problem.code)).toEqual(["QuotaExceeded", "QuotaExceeded"]);
  await expect(control.snapshots.fork(origin, { count: 1 }, never)).rejects.toMatchObject({
    code: "QuotaExceeded",
    message: expect.stringContaining("sandboxes: 3 used, 1 asked for, and the limit is 3"),
  });
});

test("a process that resists the freeze refuses a fork, not a snapshot", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const origin = await control.sandboxes.create(group, debian, never);
  host.fake.faults.isFreezeRefused = true;
  await expect(control.snapshots.fork(origin, { count: 1 }, never)).rejects.toEqual(code("FreezeRefused"));
  await expect(control.snapshots.take(origin, {}, never)).resolves.toMatchObject({ isFrozen: false });
  expect((await control.sandboxes.get(origin)).state).toBe("Running");
});

test("what befalls snapshots is told to those who follow their sandbox", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const origin = await control.sandboxes.create(group, debian, never);
  const { id } = await control.snapshots.take(origin, {}, never);
  await control.snapshots.delete({ group, snapshotId: id });
  await control.snapshots.fork(origin, { count: 1 }, never);
  const seen: string[] = [];
  for await (const event of control.events.follow(group, 0, never, { sandboxId: origin.id })) {
    if (event.type === "snapshot.changed") seen.push(event.snapshot.status);
    if (event.type === "snapshot.deleted") seen.push("deleted");
    if (seen.length === 4) break;
  }
  expect(seen).toEqual(["Creating", "Ready", "Deleting", "deleted"]);
});

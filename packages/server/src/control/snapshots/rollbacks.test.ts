import { AlcoveError } from "@alcove/contract";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

type Box = { readonly group: string; readonly id: string };

async function put({ control }: Pick<TestDaemon, "control">, box: Box, content: string) {
  await control.execs.runShellCommand(box, { command: `echo ${content} > /root/note` }, never);
}

async function note({ control }: Pick<TestDaemon, "control">, box: Box) {
  return (await control.execs.runShellCommand(box, { command: "cat /root/note" }, never)).stdout.trim();
}

/** With `first` in its note, and a snapshot of that. */
async function boxWithPast(daemon: Pick<TestDaemon, "control">) {
  const { control } = daemon;
  const box = await control.sandboxes.create(group, { ...debian, cmd: ["sleep", "600"], labels: { a: "b" } }, never);
  await put(daemon, box, "first");
  const snapshot = await control.snapshots.take(box, {}, never);
  await put(daemon, box, "second");
  return { box, snapshot };
}

test("a running sandbox is what it was, under its id, as the next generation", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const { box, snapshot } = await boxWithPast(daemon);
  const later = await control.execs.start(box, { args: ["sleep", "600"] }, never);
  const back = await control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  expect(back).toMatchObject({ id: box.id, state: "Running", generation: 2, labels: { a: "b" }, stateDetails: {} });
  expect(back.sourcesRef.snapshot).toEqual({ id: snapshot.id });
  expect(await note(daemon, box)).toBe("first");
  const execs = (await control.execs.list(box, never)).map(({ id }) => id);
  expect(execs).toEqual([box.entrypointExecId]);
  await expect(control.execs.get({ ...box, execId: later.id }, 0, never)).rejects.toMatchObject({
    code: "ExecNotFound",
  });
  expect(host.fake.machines.size).toBe(1);
  expect((await control.groups.get(group)).used).toMatchObject({ cores: 1, sandboxes: 1, snapshots: 1 });
  const again = await control.snapshots.take(box, {}, never);
  expect(again.parentId).toBe(snapshot.id);
});

test("a stopped sandbox goes back too, whatever was kept of it, and one whose machine ended", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const { box, snapshot } = await boxWithPast(daemon);
  await control.sandboxes.stop(box, {}, never);
  expect(await control.snapshots.rollback(box, { snapshotId: snapshot.id }, never)).toMatchObject({ state: "Running" });
  expect(await note(daemon, box)).toBe("first");
  expect(host.fake.suspended.size).toBe(0);
  host.fake.machines.get(box.id)?.powerOff();
  const isStopped = async () => ((await control.sandboxes.get(box)).state === "Stopped" ? true : undefined);
  await waitFor(isStopped, AbortSignal.timeout(20_000));
  await control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  expect(await note(daemon, box)).toBe("first");
});

test("a snapshot of a stopped sandbox is of its mode, and goes on from there", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const { box } = await boxWithPast(daemon);
  for (const mode of ["Memory", "Disk"] as const) {
    await control.sandboxes.stop(box, { mode }, never);
    const kept = await control.snapshots.take(box, { name: mode }, never);
    expect(kept).toMatchObject({ mode, status: "Ready" });
    const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: kept.id } } }, never);
    expect(await note(daemon, child)).toBe("second");
    const execs = await control.execs.list(child, never);
    expect(execs.map(({ id, state }) => [id, state])).toEqual([[child.entrypointExecId, "Running"]]);
    expect(child.entrypointExecId === box.entrypointExecId).toBe(mode === "Memory");
    await control.sandboxes.resume(box, {}, never);
    expect(await note(daemon, box)).toBe("second");
  }
});

test("a stopped sandbox's disk becomes an image, unless a part of it may be in its memory alone", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const { box } = await boxWithPast(daemon);
  await control.sandboxes.stop(box, { mode: "Memory" }, never);
  const commit = () => control.snapshots.commit(box, { name: "own" }, never);
  await expect(commit()).rejects.toMatchObject({
    code: "SandboxNotRunning",
    hint: expect.stringContaining("mode Disk"),
  });
  await control.sandboxes.resume(box, {}, never);
  await control.sandboxes.stop(box, { mode: "Disk" }, never);
  await expect(commit()).resolves.toMatchObject({ name: "own" });
  await expect(control.snapshots.fork(box, { count: 1 }, never)).rejects.toMatchObject({ code: "SandboxNotRunning" });
});

test("a rollback that fails leaves the sandbox stopped, and its resume tries again, under the next daemon too", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { box, snapshot } = await boxWithPast(daemon);
  host.fake.faults.startError = new AlcoveError("GuestUnresponsive", "no answer");
  const rollback = daemon.control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  await expect(rollback).rejects.toMatchObject({ code: "GuestUnresponsive" });
  const stopped = await daemon.control.sandboxes.get(box);
  expect(stopped).toMatchObject({ state: "Stopped", stateDetails: { message: expect.stringContaining("no answer") } });
  delete host.fake.faults.startError;
  await daemon.close();
  const next = await host.daemon();
  expect((await next.control.sandboxes.get(box)).state).toBe("Stopped");
  expect(await next.control.sandboxes.resume(box, {}, never)).toMatchObject({ state: "Running", generation: 3 });
  expect(await note(next, box)).toBe("first");
});

test("after a rollback that failed, what is asked of the sandbox says that it goes back to a snapshot", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { box, snapshot } = await boxWithPast({ control });
  host.fake.faults.startError = new AlcoveError("GuestUnresponsive", "no answer");
  for (const from of ["Disk", "Memory"] as const) {
    const rollback = control.snapshots.rollback(box, { snapshotId: snapshot.id, from }, never);
    await expect(rollback).rejects.toThrow("no answer");
    const { message } = (await control.sandboxes.get(box)).stateDetails;
    expect(message).toBe(`It could not go back to the snapshot ${snapshot.id}: no answer`);
    const refused = { code: "SandboxNotRunning", hint: `Resume it: \`alcove resume ${box.id}\`.` };
    await expect(control.snapshots.fork(box, { count: 1 }, never)).rejects.toMatchObject(refused);
    await expect(control.snapshots.commit(box, { name: "own" }, never)).rejects.toMatchObject(refused);
    if (from === "Memory") continue;
    await expect(control.sandboxes.resume(box, { from: "Memory" }, never)).rejects.toMatchObject({
      ...{ code: "InvalidRequest", field: "from" },
      message: `The sandbox ${box.id} goes back to the disk of the snapshot ${snapshot.id}.`,
      hint: expect.stringContaining(`alcove rollback ${box.id} ${snapshot.id}`),
    });
  }
});

test("a rollback for which the image's disk is not there is refused, and the sandbox runs on as it was", async () => {
  await using host = new TestHost();
  const { control, store } = await host.daemon();
  const { box, snapshot } = await boxWithPast({ control });
  host.images.contents.clear();
  const rollback = control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  await expect(rollback).rejects.toMatchObject({ code: "ImageNotReady" });
  expect(await control.sandboxes.get(box)).toMatchObject({ state: "Running", generation: 1 });
  expect(await note({ control }, box)).toBe("second");
  expect(store.journal.list()).toEqual([]);
});

test("a rollback that fails when it is on record leaves nothing running of what it was", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon({
    options: {
      crashPoint(name) {
        // What was there when it was looked for is gone in the next moment.
        if (name === "rollback.afterMark") host.images.contents.clear();
      },
    },
  });
  const { box, snapshot } = await boxWithPast({ control });
  const rollback = control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  await expect(rollback).rejects.toMatchObject({ code: "ImageNotReady" });
  expect(await control.sandboxes.get(box)).toMatchObject({ state: "Stopped" });
  expect(host.fake.machines.size).toBe(0);
});

test("a machine that a rollback could not end is ended by the next try", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { box, snapshot } = await boxWithPast({ control });
  const old = host.fake.machines.get(box.id);
  if (old === undefined) throw new Error("no machine");
  host.fake.faults.destroyError = new Error("its processes are not gone");
  const rollback = control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  await expect(rollback).rejects.toThrow("its processes are not gone");
  expect(await control.sandboxes.get(box)).toMatchObject({ state: "Stopped" });
  delete host.fake.faults.destroyError;
  expect(await control.sandboxes.resume(box, {}, never)).toMatchObject({ state: "Running" });
  expect(old.end).toBeDefined();
  expect(await note({ control }, box)).toBe("first");
});

test("what booted from a snapshot's disk and goes back to its memory has the program of that memory for its own", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { box, snapshot } = await boxWithPast({ control });
  const source = { id: snapshot.id, from: "Disk" as const };
  const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: source } }, never);
  expect(child.entrypointExecId).not.toBe(box.entrypointExecId);
  const back = await control.snapshots.rollback(child, { snapshotId: snapshot.id, from: "Memory" }, never);
  expect(back.entrypointExecId).toBe(box.entrypointExecId);
  expect(await control.execs.list(child, never)).toMatchObject([{ id: back.entrypointExecId, state: "Running" }]);
  const booted = await control.snapshots.rollback(child, { snapshotId: snapshot.id, from: "Disk" }, never);
  expect(await control.execs.list(child, never)).toMatchObject([{ id: booted.entrypointExecId, state: "Running" }]);
});

test("a snapshot that was deleted stays for a sandbox of which nothing else is left, and goes when that runs", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { box, snapshot } = await boxWithPast({ control });
  host.fake.faults.startError = new AlcoveError("GuestUnresponsive", "no answer");
  await expect(control.snapshots.rollback(box, { snapshotId: snapshot.id }, never)).rejects.toThrow("no answer");
  await control.snapshots.delete({ group, snapshotId: snapshot.id });
  delete host.fake.faults.startError;
  await control.sandboxes.resume(box, {}, never);
  expect(await note({ control }, box)).toBe("first");
  const isGone = async () => (host.fake.snapshots.size === 0 ? true : undefined);
  await waitFor(isGone, AbortSignal.timeout(20_000));
});

test("a snapshot that does not go on here leaves the sandbox as it was", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const { box, snapshot } = await boxWithPast({ control });
  host.fake.faults.misfit = "it was made with another QEMU";
  const rollback = control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  await expect(rollback).rejects.toMatchObject({ code: "SnapshotIncompatible" });
  expect(await control.sandboxes.get(box)).toMatchObject({ state: "Running", generation: 1 });
  expect(await note({ control }, box)).toBe("second");
});

test("only what is the sandbox's own is gone back to", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const { box, snapshot } = await boxWithPast(daemon);
  const other = await control.sandboxes.create(group, debian, never);
  await expect(control.snapshots.rollback(other, { snapshotId: snapshot.id }, never)).rejects.toMatchObject({
    ...{ code: "InvalidRequest", field: "snapshotId" },
    message: `The snapshot ${snapshot.id} was taken of the sandbox ${box.id}, not of ${other.id}.`,
  });
  const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: snapshot.id } } }, never);
  await put(daemon, child, "third");
  await control.snapshots.rollback(child, { snapshotId: snapshot.id }, never);
  expect(await note(daemon, child)).toBe("first");
  await control.sandboxes.disable(box, never);
  await expect(control.snapshots.rollback(box, { snapshotId: snapshot.id }, never)).rejects.toMatchObject({
    code: "SandboxDisabled",
  });
  await control.snapshots.delete({ group, snapshotId: snapshot.id });
  await expect(control.snapshots.rollback(child, { snapshotId: snapshot.id }, never)).rejects.toMatchObject({
    code: "SnapshotNotFound",
  });
  expect(await note(daemon, child)).toBe("first");
});

test("stop, resume, snapshot and rollback of one sandbox at once end well", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const { box, snapshot } = await boxWithPast(daemon);
  const work = [
    () => control.snapshots.take(box, {}, never),
    () => control.sandboxes.stop(box, {}, never),
    () => control.snapshots.rollback(box, { snapshotId: snapshot.id }, never),
    () => control.sandboxes.resume(box, {}, never),
    () => control.snapshots.take(box, {}, never),
    () => control.snapshots.rollback(box, { snapshotId: snapshot.id }, never),
  ];
  const outcomes = await Promise.allSettled(work.map((begin) => begin()));
  for (const outcome of outcomes)
    if (outcome.status === "rejected") expect(["SandboxNotRunning", "QuotaExceeded"]).toContain(outcome.reason.code);
  await control.sandboxes.resume(box, {}, never);
  expect(["first", "second"]).toContain(await note(daemon, box));
  expect(host.fake.machines.size).toBe(1);
  expect(host.fake.suspended.size).toBe(0);
});

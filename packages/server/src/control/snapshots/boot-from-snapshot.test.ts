import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";

/** A sandbox with a program, what it was, and what it is. */
async function withPast({ control }: Pick<TestDaemon, "control">) {
  const box = await control.sandboxes.create(group, { ...debian, cmd: ["sleep", "600"] }, never);
  await control.execs.runShellCommand(box, { command: "echo before > /root/note" }, never);
  const snapshot = await control.snapshots.take(box, {}, never);
  await control.execs.runShellCommand(box, { command: "echo after > /root/note" }, never);
  const note = async (of: { id: string }) => {
    const read = await control.execs.runShellCommand({ group, id: of.id }, { command: "cat /root/note" }, never);
    return read.stdout.trim();
  };
  return { control, box, snapshot, note };
}

test("what starts from a snapshot's disk alone has its files, and its program anew", async () => {
  await using host = new TestHost();
  const { control, box, snapshot, note } = await withPast(await host.daemon());
  const source = { id: snapshot.id, from: "Disk" } as const;
  const child = await control.sandboxes.create(group, { sourcesRef: { snapshot: source } }, never);
  expect(await note(child)).toBe("before");
  expect(child.sourcesRef.snapshot).toEqual({ id: snapshot.id });
  expect(child.entrypointExecId).not.toBe(box.entrypointExecId);
  const execs = (await control.execs.list(child, never)).filter(({ id }) => id === child.entrypointExecId);
  expect(execs).toMatchObject([{ state: "Running" }]);
});

test("a creation from a snapshot's disk that a daemon left half done boots under the next one too", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { box, snapshot } = await withPast(daemon);
  host.fake.faults.startDelayMs = 60_000;
  const body = { sourcesRef: { snapshot: { id: snapshot.id, from: "Disk" } } } as const;
  const { id } = await daemon.control.sandboxes.create(group, body, never, { wait: false });
  await daemon.close();
  delete host.fake.faults.startDelayMs;
  const next = await host.daemon();
  const ref = { group, id };
  const isRunning = async () => (await next.control.sandboxes.get(ref)).state === "Running" || undefined;
  await waitFor(isRunning, AbortSignal.timeout(20_000));
  const execs = await next.control.execs.list(ref, never);
  expect(execs).toHaveLength(1);
  expect(execs[0]?.id).not.toBe(box.entrypointExecId);
});

test("a snapshot whose memory does not go on here goes on from its disk, in a new sandbox and in place", async () => {
  await using host = new TestHost();
  const { control, box, snapshot, note } = await withPast(await host.daemon());
  host.fake.faults.misfit = "another QEMU";
  const back = control.snapshots.rollback(box, { snapshotId: snapshot.id }, never);
  await expect(back).rejects.toMatchObject({ code: "SnapshotIncompatible", hint: expect.stringContaining("Disk") });
  expect(await note(box)).toBe("after");
  const booted = await control.snapshots.rollback(box, { snapshotId: snapshot.id, from: "Disk" }, never);
  expect(booted).toMatchObject({ state: "Running", generation: 2 });
  expect(await note(box)).toBe("before");
});

test("whoever asks a snapshot of a disk for its memory is told that there is none", async () => {
  await using host = new TestHost();
  const { control, box } = await withPast(await host.daemon());
  await control.sandboxes.stop(box, { mode: "Disk" }, never);
  const { id } = await control.snapshots.take(box, {}, never);
  const refusal = { code: "InvalidRequest", message: expect.stringContaining("disk alone") };
  const creation = control.sandboxes.create(group, { sourcesRef: { snapshot: { id, from: "Memory" } } }, never);
  await expect(creation).rejects.toMatchObject({ ...refusal, field: "sourcesRef.snapshot.from" });
  const rollback = control.snapshots.rollback(box, { snapshotId: id, from: "Memory" }, never);
  await expect(rollback).rejects.toMatchObject({ ...refusal, field: "from" });
});

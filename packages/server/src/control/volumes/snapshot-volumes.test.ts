/** Volumes of sandboxes that are snapshotted, forked, rolled back and committed. */
import { AlcoveError } from "@alcove/contract";
import { expect, test } from "vitest";
import { debian, group, never, type TestDaemon, TestHost } from "../test-daemon.js";
import { nameOfCopy } from "./snapshot-volumes.js";
import { at, data, faultOf, read, write } from "./volume-test-kit.js";

test("a fork has a volume of its own with what was on the first, which counts, is listed, and goes with it", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  await write(daemon, sandbox.id, "/data/word", "first");
  const { sandboxes } = await control.snapshots.fork(sandbox, { count: 2 }, never);
  await write(daemon, sandbox.id, "/data/word", "source");
  for (const { id } of sandboxes) {
    expect(await read(daemon, id, "/data/word")).toBe("first");
    await write(daemon, id, "/data/word", id);
  }
  expect(await read(daemon, sandbox.id, "/data/word")).toBe("source");
  const [one, other] = sandboxes.map(({ id }) => id);
  const copies = await control.volumes.list(group, { "forked-from": "data" });
  expect(copies.map(({ name }) => name).sort()).toEqual(sandboxes.map(({ id }) => `data-${id.slice(0, 8)}`).sort());
  expect(copies.map(({ ownerSandboxId, attachments }) => [ownerSandboxId, attachments.length])).toEqual(
    copies.map(({ attachments }) => [attachments[0]?.sandboxId, 1]),
  );
  expect((await control.groups.get(group)).used.disk).toBe(`${3 * (sandboxDiskMiB(sandbox) + 1_024)}Mi`);

  // Whoever takes it away keeps it.
  const kept = `data-${other?.slice(0, 8)}`;
  await control.volumes.detach({ group, id: other ?? "", volumeName: kept }, never);
  for (const id of [one, other]) await control.sandboxes.delete({ group, id: id ?? "" }, never);
  expect((await control.volumes.list(group, undefined)).map(({ name }) => name)).toEqual(["data", kept]);
  expect((await control.volumes.get({ group, volumeName: kept })).ownerSandboxId).toBeUndefined();
  expect(host.fake.volumes.size).toBe(2);
});

test("what starts from a snapshot has what was on the volume then, with its memory or from its disk, though both are gone", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  await write(daemon, sandbox.id, "/data/word", "then");
  const snapshot = await control.snapshots.take(sandbox, {}, never);
  const volume = { volumeName: "data", size: "1024Mi", mountpoint: "/data", readOnly: false };
  expect(snapshot.volumes).toEqual([volume]);
  await write(daemon, sandbox.id, "/data/word", "later");
  await control.sandboxes.delete(sandbox, never);
  await control.volumes.delete({ group, volumeName: "data" });
  for (const from of ["Memory", "Disk"] as const) {
    const sourcesRef = { snapshot: { id: snapshot.id, from } };
    const started = await control.sandboxes.create(group, { sourcesRef }, never);
    expect(await read(daemon, started.id, "/data/word")).toBe("then");
    await write(daemon, started.id, "/data/word", "changed");
  }
  await control.snapshots.delete({ group, snapshotId: snapshot.id });
});

test.each(["Memory", "Disk"] as const)(
  "a sandbox that is stopped with mode %s has its volume in a snapshot",
  async (mode) => {
    await using host = new TestHost();
    const daemon = await host.daemon();
    const { control } = daemon;
    const sandbox = await withVolume(daemon);
    await write(daemon, sandbox.id, "/data/word", "asleep");
    await control.sandboxes.stop(sandbox, { mode }, never);
    const { id } = await control.snapshots.take(sandbox, {}, never);
    await control.sandboxes.resume(sandbox, {}, never);
    await write(daemon, sandbox.id, "/data/word", "awake");
    const started = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never);
    expect(await read(daemon, started.id, "/data/word")).toBe("asleep");
  },
);

test.each(["Memory", "Disk"] as const)(
  "a rollback from %s takes the volume back, of the sandbox itself and of a fork",
  async (from) => {
    await using host = new TestHost();
    const daemon = await host.daemon();
    const { control } = daemon;
    const sandbox = await withVolume(daemon);
    await write(daemon, sandbox.id, "/data/word", "then");
    const { id: snapshotId } = await control.snapshots.take(sandbox, {}, never);
    const copy = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: snapshotId } } }, never);
    for (const { id } of [sandbox, copy]) {
      await write(daemon, id, "/data/word", id);
      await write(daemon, id, "/data/new", id);
      await control.snapshots.rollback({ group, id }, { snapshotId, from }, never);
      expect(await read(daemon, id, "/data/word")).toBe("then");
      expect(await faultOf(read(daemon, id, "/data/new"))).toMatchObject({ code: "FileNotFound" });
    }
    expect((await control.volumes.list(group, undefined)).map(({ attachments }) => attachments.length)).toEqual([1, 1]);
  },
);

test("a rollback mounts the volume where it was", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  await write(daemon, sandbox.id, "/data/word", "then");
  const { id: snapshotId } = await control.snapshots.take(sandbox, {}, never);
  await control.volumes.detach({ ...sandbox, volumeName: "data" }, never);
  const goBack = () => control.snapshots.rollback(sandbox, { snapshotId }, never);
  expect(await faultOf(goBack())).toMatchObject({ code: "VolumeInUse", message: expect.stringContaining("data") });
  await control.volumes.attach(sandbox, at("/elsewhere"), never);
  await control.volumes.create(group, { ...data, name: "other" }, never);
  await control.volumes.attach(sandbox, at("/other", "other"), never);
  expect(await faultOf(goBack())).toMatchObject({ code: "VolumeInUse", message: expect.stringContaining("other") });
  await control.volumes.detach({ ...sandbox, volumeName: "other" }, never);
  await goBack();
  expect((await control.sandboxes.get(sandbox)).volumes).toEqual([{ ...at("/data"), readOnly: false }]);
  expect(await read(daemon, sandbox.id, "/data/word")).toBe("then");
});

test("where a snapshot has a volume and a copy of it, the copy does not stand in for the volume", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  const { sandboxes } = await control.snapshots.fork(sandbox, { count: 1 }, never);
  const fork = { group, id: sandboxes[0]?.id ?? "" };
  await control.volumes.detach({ ...sandbox, volumeName: "data" }, never);
  await control.volumes.attach(fork, at("/first"), never);
  const { id: snapshotId } = await control.snapshots.take(fork, {}, never);
  await control.volumes.detach({ ...fork, volumeName: "data" }, never);
  const goBack = () => control.snapshots.rollback(fork, { snapshotId }, never);
  expect(await faultOf(goBack())).toMatchObject({
    code: "VolumeInUse",
    message: expect.stringContaining("volume data,"),
  });
  await control.volumes.attach(fork, at("/first"), never);
  await goBack();
});

test("a volume that could only be read does not go back; where it was written since, only a boot does", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const writer = await withVolume(daemon);
  const use = async (id: string, readOnly: boolean, text?: string) => {
    await control.volumes.attach({ group, id }, { ...at("/data"), readOnly }, never);
    if (text !== undefined) await write(daemon, id, "/data/word", text);
  };
  const detach = (id: string) => control.volumes.detach({ group, id, volumeName: "data" }, never);
  await write(daemon, writer.id, "/data/word", "first");
  await detach(writer.id);
  const reader = await control.sandboxes.create(group, debian, never);
  await use(reader.id, true);
  const { id: snapshotId } = await control.snapshots.take(reader, {}, never);
  await control.snapshots.rollback(reader, { snapshotId }, never);
  expect(await read(daemon, reader.id, "/data/word")).toBe("first");
  await detach(reader.id);
  await use(writer.id, false, "second");
  await detach(writer.id);
  await use(reader.id, true);
  const goBack = (from: "Memory" | "Disk") => control.snapshots.rollback(reader, { snapshotId, from }, never);
  expect(await faultOf(goBack("Memory"))).toMatchObject({ code: "SnapshotIncompatible" });
  await goBack("Disk");
  expect(await read(daemon, reader.id, "/data/word")).toBe("second");
  const copy = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: snapshotId } } }, never);
  expect(await read(daemon, copy.id, "/data/word")).toBe("first");
  expect((await control.sandboxes.get(copy)).volumes).toMatchObject([{ mountpoint: "/data", readOnly: true }]);
});

test("a quota without room for the volume refuses the fork, and what starts from the snapshot, and leaves nothing", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  const { id } = await control.snapshots.take(sandbox, {}, never);
  const disk = sandboxDiskMiB(sandbox);
  await control.groups.setQuota(group, { disk: `${2 * disk + 1_024 + 1_023}Mi` });
  const refused = [
    () => control.snapshots.fork(sandbox, { count: 1 }, never),
    () => control.sandboxes.create(group, { sourcesRef: { snapshot: { id } } }, never),
  ];
  for (const ask of refused) expect(await faultOf(ask())).toMatchObject({ code: "QuotaExceeded", field: "quota.disk" });
  expect([host.fake.volumes.size, host.fake.machines.size]).toEqual([1, 1]);
  // Of two copies one fits.
  await control.groups.setQuota(group, { disk: `${2 * disk + 2 * 1_024}Mi` });
  expect(await control.snapshots.fork(sandbox, { count: 2 }, never)).toMatchObject({ succeeded: 1, failed: 1 });
  expect(host.fake.volumes.size).toBe(2);
});

test("a copy that cannot start leaves no volume", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  host.fake.faults.startError = new AlcoveError("EngineUnavailable", "no");
  expect(await control.snapshots.fork(sandbox, { count: 1 }, never)).toMatchObject({ failed: 1 });
  expect((await control.volumes.list(group, undefined)).map(({ name }) => name)).toEqual(["data"]);
  expect(host.fake.volumes.size).toBe(1);
});

test("a commit leaves volumes out, and an export of a snapshot that has one is refused", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  await write(daemon, sandbox.id, "/data/word", "secret");
  await control.snapshots.commit(sandbox, { name: "committed" }, never);
  const sourcesRef = { diskImage: { name: "committed" } };
  const started = await control.sandboxes.create(group, { sourcesRef }, never);
  expect(await faultOf(read(daemon, started.id, "/data/word"))).toMatchObject({ code: "FileNotFound" });
  const { id: snapshotId } = await control.snapshots.take(sandbox, {}, never);
  const exported = control.snapshots.export({ group, snapshotId }, never);
  expect(await faultOf(exported)).toMatchObject({
    code: "SnapshotIncompatible",
    message: expect.stringContaining("data"),
  });
});

test("a copy's name is the volume's with the beginning of the sandbox's id, short enough, and nobody else's", () => {
  const id = "0b6f3a52-8d5e-4d5f-9f0e-3a1c6f1d2e3f";
  expect(nameOfCopy("data", id, () => true)).toBe("data-0b6f3a52");
  expect(nameOfCopy("data", id, (name) => name !== "data-0b6f3a52")).toBe("data-0b6f3a52-2");
  expect(nameOfCopy("v".repeat(63), id, () => true)).toBe(`${"v".repeat(54)}-0b6f3a52`);
});

test("another's copy of a volume is not the sandbox's own: a rollback writes over nothing, and says what is missing", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const sandbox = await withVolume(daemon);
  const { sandboxes } = await control.snapshots.fork(sandbox, { count: 1 }, never);
  const id = sandboxes[0]?.id ?? "";
  const kept = `data-${id.slice(0, 8)}`;
  await write(daemon, id, "/data/word", "precious");
  await control.volumes.detach({ group, id, volumeName: kept }, never);
  const alone = await control.snapshots.take(sandbox, {}, never);
  await control.volumes.attach(sandbox, at("/kept", kept), never);
  const both = await control.snapshots.take(sandbox, {}, never);
  await control.volumes.detach({ ...sandbox, volumeName: "data" }, never);
  for (const { id: snapshotId } of [alone, both]) {
    const fault = await faultOf(control.snapshots.rollback(sandbox, { snapshotId }, never));
    expect(fault).toMatchObject({ code: "VolumeInUse", message: expect.stringContaining("has the volume data") });
  }
  expect(await read(daemon, sandbox.id, "/kept/word")).toBe("precious");
});

async function withVolume({ control }: TestDaemon) {
  await control.volumes.create(group, data, never);
  return control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
}

function sandboxDiskMiB({ resources }: { readonly resources: { readonly disk: string } }): number {
  return Number.parseInt(resources.disk, 10);
}

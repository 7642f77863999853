import { AlcoveError, mountFault } from "@alcove/contract";
import { expect, test } from "vitest";
import type { Engine } from "../../engines/engine.js";
import { withResolvers } from "../../lib/with-resolvers.js";
import { debian, group, never, TestHost, withMembers } from "../test-daemon.js";
import { at, bytes, data, faultOf, read, write } from "./volume-test-kit.js";

test("a volume is made, listed by its labels, read with what it takes, and deleted", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  const made = await control.volumes.create(group, { ...data, labels: { of: "team" } }, never);
  expect(made).toMatchObject({ name: "data", group, type: "DataDisk", size: "1024Mi", attachments: [] });
  await control.volumes.create(group, { ...data, name: "other" }, never);
  expect((await control.volumes.list(group, { of: "team" })).map(({ name }) => name)).toEqual(["data"]);
  expect((await control.volumes.list(group, undefined)).map(({ name }) => name)).toEqual(["data", "other"]);
  expect((await control.volumes.get({ group, volumeName: "data" })).usage?.usedBytes).toBeGreaterThan(0);
  await control.volumes.delete({ group, volumeName: "data" });
  expect(await faultOf(control.volumes.get({ group, volumeName: "data" }))).toMatchObject({ code: "VolumeNotFound" });
  expect(host.fake.volumes.size).toBe(1);
});

test("a name that is taken and a size beyond the group's quota are refused, and nothing is left of them", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.volumes.create(group, data, never);
  expect(await faultOf(control.volumes.create(group, data, never))).toMatchObject({ code: "VolumeExists" });
  await control.groups.setQuota(group, { disk: "3Gi" });
  expect((await control.groups.get(group)).used.disk).toBe("1024Mi");
  const large = { name: "large", size: "2049Mi" };
  expect(await faultOf(control.volumes.create(group, large, never))).toMatchObject({ code: "QuotaExceeded" });
  // Of two at once for the same room one gets it.
  const twice = ["a", "b"].map((name) => control.volumes.create(group, { name, size: "2Gi" }, never));
  expect((await Promise.allSettled(twice)).map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(host.fake.volumes.size).toBe(2);
});

test("what is written stays on it, from sandbox to sandbox, also where one is deleted", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  await control.volumes.create(group, data, never);
  const first = await control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  await write(daemon, first.id, "/data/word", "kept");
  await control.sandboxes.delete(first, never);
  const second = await control.sandboxes.create(group, debian, never);
  await control.volumes.attach(second, at("/elsewhere"), never);
  expect(await read(daemon, second.id, "/elsewhere/word")).toBe("kept");
  expect((await control.sandboxes.get(second)).volumes).toEqual([{ ...at("/elsewhere"), readOnly: false }]);
});

test("a copy is a volume of its own, and is not made of one that a sandbox has", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  const ref = { group, volumeName: "data" };
  await control.volumes.create(group, data, never);
  const sandbox = await control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  await write(daemon, sandbox.id, "/data/word", "first");
  const fork = (destinationVolumeName: string) => control.volumes.fork(ref, { destinationVolumeName }, never);
  expect(await faultOf(fork("copy"))).toMatchObject({ code: "VolumeInUse" });
  await control.volumes.detach({ ...sandbox, volumeName: "data" }, never);
  expect(await fork("copy")).toMatchObject({ name: "copy", size: "1024Mi", attachments: [] });
  expect(await faultOf(fork("copy"))).toMatchObject({ code: "VolumeExists" });
  await control.volumes.attach(sandbox, at("/data"), never);
  await write(daemon, sandbox.id, "/data/word", "second");
  await control.volumes.attach(sandbox, at("/copy", "copy"), never);
  expect(await read(daemon, sandbox.id, "/copy/word")).toBe("first");
  expect(host.fake.volumes.size).toBe(2);
});

test("it goes on after a sleep, and after a boot from the disk", async () => {
  await using host = new TestHost();
  const daemon = await host.daemon();
  const { control } = daemon;
  await control.volumes.create(group, data, never);
  const sandbox = await control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  await write(daemon, sandbox.id, "/data/word", "kept");
  for (const mode of ["Memory", "Disk"] as const) {
    await control.sandboxes.stop(sandbox, { mode }, never);
    await control.sandboxes.resume(sandbox, {}, never);
    expect(await read(daemon, sandbox.id, "/data/word")).toBe("kept");
    expect(host.fake.machines.get(sandbox.id)?.slots.get("alcove-spare0")?.mountedOn).toBe("/data");
  }
});

test("one sandbox has it at a time, by whatever way another asks; it is not deleted meanwhile", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.volumes.create(group, data, never);
  await control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  const other = await control.sandboxes.create(group, debian, never);
  const refused = [
    () => control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never),
    () => control.volumes.attach(other, at("/data"), never),
    () => control.volumes.delete({ group, volumeName: "data" }),
  ];
  for (const ask of refused) expect(await faultOf(ask())).toMatchObject({ code: "VolumeInUse" });
  expect(host.fake.machines.size).toBe(2);
});

test("of creations at once for one volume one gets it", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.volumes.create(group, data, never);
  const asked = { ...debian, volumes: [at("/data")] };
  const both = await Promise.allSettled([1, 2].map(() => control.sandboxes.create(group, asked, never)));
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(await control.sandboxes.count(group, {})).toBe(1);
});

test("mount points that lie in each other, a third volume and one that is nowhere are refused", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  for (const name of ["data", "b", "c"]) await control.volumes.create(group, { ...data, name }, never);
  const sandbox = await control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  const attach = (mountpoint: string, name: string) => control.volumes.attach(sandbox, at(mountpoint, name), never);
  expect(await faultOf(attach("/data/inside", "b"))).toMatchObject({ code: "InvalidRequest", field: "mountpoint" });
  expect(await faultOf(attach("/b", "missing"))).toMatchObject({ code: "VolumeNotFound" });
  await attach("/b", "b");
  expect((await faultOf(attach("/c", "c"))).message).toContain("as many volumes as it can: 2");
});

test("a creation that fails lets go of its volumes, and a group with volumes is not empty", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.groups.create({ name: "team" });
  await control.volumes.create("team", data, never);
  host.fake.faults.startError = new AlcoveError("EngineUnavailable", "no");
  const created = control.sandboxes.create("team", { ...debian, volumes: [at("/data")] }, never);
  expect(await faultOf(created)).toMatchObject({ code: "EngineUnavailable" });
  expect((await control.volumes.get({ group: "team", volumeName: "data" })).attachments).toEqual([]);
  for (const { id } of await control.sandboxes.list("team", {}))
    await control.sandboxes.delete({ group: "team", id }, never);
  expect((await faultOf(control.groups.delete("team", { force: false }, never))).message).toContain("1 volume");
  await control.groups.delete("team", { force: true }, never);
  expect(host.fake.volumes.size).toBe(0);
});

test("a creation that fails keeps its volumes while its machine cannot be ended; its deletion ends that", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon({ engine: withFailingAttach });
  await control.volumes.create(group, data, never);
  host.fake.faults.destroyError = new Error("its processes are not gone");
  const created = control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  expect(await faultOf(created)).toMatchObject({ message: "no slot" });
  const [failed] = requireRecord(await control.sandboxes.list(group, { state: "Failed" }));
  const attachments = async () => (await control.volumes.get({ group, volumeName: "data" })).attachments.length;
  expect(await attachments()).toBe(1);
  const ref = { group, id: requireRecord(failed).id };
  expect(await faultOf(control.volumes.detach({ ...ref, volumeName: "data" }, never))).toBeInstanceOf(AlcoveError);
  expect(await attachments()).toBe(1);
  delete host.fake.faults.destroyError;
  await control.sandboxes.delete(ref, never);
  expect(await attachments()).toBe(0);
  expect(host.fake.machines.size).toBe(0);
});

test("what fails on the way leaves the volume free, and one that programs use is not taken away", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.volumes.create(group, data, never);
  const sandbox = await control.sandboxes.create(group, debian, never);
  await control.files.write(sandbox, "/file", bytes("x"), { createDirs: false }, never);
  expect(await faultOf(control.volumes.attach(sandbox, at("/file/inside"), never))).toBeInstanceOf(AlcoveError);
  expect((await control.volumes.get({ group, volumeName: "data" })).attachments).toEqual([]);
  expect(host.fake.machines.get(sandbox.id)?.slots.size).toBe(0);
  await control.volumes.attach(sandbox, at("/data"), never);
  await control.volumes.detach({ ...sandbox, volumeName: "data" }, never);
  const again = control.volumes.detach({ ...sandbox, volumeName: "data" }, never);
  expect(await faultOf(again)).toMatchObject({ code: "VolumeNotFound" });
});

test("a sandbox that is over gives its volume back", async () => {
  await using host = new TestHost();
  const { control } = await host.daemon();
  await control.volumes.create(group, data, never);
  const sandbox = await control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  host.fake.machines.get(sandbox.id)?.powerOff();
  await expect.poll(async () => (await control.sandboxes.get(sandbox)).state).toBe("Stopped");
  await control.volumes.detach({ ...sandbox, volumeName: "data" }, never);
  expect((await control.volumes.get({ group, volumeName: "data" })).attachments).toEqual([]);
});

test("a guest that does not answer holds up no daemon's start; what one before began is ended when it does", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  await first.control.volumes.create(group, data, never);
  const sandbox = await first.control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  const { id: volumeId } = requireRecord(first.store.volumes.find(group, "data"));
  first.store.volumes.setMountState(volumeId, "Detaching");
  await first.close();
  const answer = withResolvers<void>();
  const { control } = await host.daemon({ engine: (engine) => withSilentGuests(engine, answer.promise) });
  const attachments = async () => (await control.volumes.get({ group, volumeName: "data" })).attachments;
  expect(await attachments()).toMatchObject([{ sandboxId: sandbox.id, state: "Detaching" }]);
  answer.resolve();
  await expect.poll(attachments).toEqual([]);
});

test("what a machine has without a record is taken away by the next daemon", async () => {
  await using host = new TestHost();
  const first = await host.daemon();
  await first.control.volumes.create(group, data, never);
  const sandbox = await first.control.sandboxes.create(group, { ...debian, volumes: [at("/data")] }, never);
  first.store.volumes.releaseAll(sandbox.id);
  await first.close();
  await host.daemon();
  await expect.poll(() => host.fake.machines.get(sandbox.id)?.slots.size).toBe(0);
});

test("mount points are told apart by whole parts of their paths", () => {
  expect(mountFault([at("/data"), at("/database", "b")])).toBeUndefined();
  expect(mountFault([at("/data/in"), at("/data", "b")])).toContain("lie in each other");
  expect(mountFault([at("/a"), at("/b")])).toContain("twice");
});

/** They let go of no volume before they are let. */
function withSilentGuests(engine: Engine, until: Promise<void>): Engine {
  const recover: Engine["recover"] = async (owned, signal) => {
    const recovery = await engine.recover(owned, signal);
    for (const { guest } of recovery.machines) {
      const { unmount } = guest.volumes;
      Object.assign(guest.volumes, { unmount: (serial: string) => until.then(() => unmount(serial, never)) });
    }
    return recovery;
  };
  return { ...withMembers(engine), recover };
}

function withFailingAttach(engine: Engine): Engine {
  const attach = () => Promise.reject(new AlcoveError("EngineUnavailable", "no slot"));
  const start: Engine["start"] = async (spec, signal) => Object.assign(await engine.start(spec, signal), { attach });
  return { ...withMembers(engine), start };
}

function requireRecord<T>(record: T | undefined): T {
  if (record === undefined) throw new Error("there is no record");
  return record;
}

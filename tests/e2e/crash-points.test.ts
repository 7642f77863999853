/**
 * The daemon is killed before and after each step of every operation in the journal, on the real engine. Nothing that was
 * answered is lost, what was half done is finished or undone, and nothing is left on the host.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Snapshot, Volume } from "@alcove/contract";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CrashPointName, crashPoints } from "../../packages/server/src/control/crash-points.js";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";
import { isLong } from "../harness/long.js";

const options = { image: "debian", memory: "512Mi" } as const;

let daemon: TestDaemon;
let bystander: Sandbox;
let ticking: string;
/** It is stopped, copied and taken back; what it holds in its memory tells whether it went on or began anew. */
let subject: Sandbox;
let counting: string;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  bystander = await Sandbox.create({ ...options, alcove: daemon.alcove });
  subject = await Sandbox.create({ ...options, alcove: daemon.alcove });
  const counter = await subject.spawn("i=0; while :; do i=$((i+1)); echo $i >> /dev/shm/numbers; sleep 0.1; done", {
    detached: true,
  });
  counting = counter.id;
  await counter[Symbol.asyncDispose]();
  const ticker = await bystander.spawn("while :; do echo tick; sleep 0.2; done", { detached: true });
  ticking = ticker.id;
  await ticker[Symbol.asyncDispose]();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("There are points before and after each step of create, exec and delete", () => {
  for (const operation of ["create", "exec", "delete"]) {
    const own = crashPoints.filter((name) => name.startsWith(`${operation}.`));
    expect(own.filter((name) => name.includes(".before"))).toHaveLength(own.length / 2);
    expect(own.length).toBeGreaterThanOrEqual(6);
  }
});

/**
 * Those right after a step that changes the host, or that leaves it to the next daemon. Steps on record alone are walked with the others
 * by crash.test.ts over the fake engine, and here by the long tests.
 */
const walked = isLong
  ? crashPoints
  : crashPoints.filter(
      (point) =>
        point.startsWith("claim.") ||
        !/\.before|\.after(Insert|Running|Stopped|Finish|Remove|Attach|Detach)$/.test(point),
    );

describe("killed at", () => {
  for (const point of walked) {
    test(`${point}: nothing is lost and nothing is left`, async () => {
      await daemon.stop();
      await daemon.restart({ ALCOVE_CRASH_AT: point });
      await meetings[operationOf(point)](point);
      await expectBystander();
      await expectSubject();
      await expectNothingElse();
    }, 120_000);
  }

  for (const point of ["create.afterInsert:2", "create.beforeStart:2", "create.afterRunning:1"]) {
    test(`${point} of a fork: the copies that were begun are made, and nothing is left`, async () => {
      await daemon.stop();
      await daemon.restart({ ALCOVE_CRASH_AT: point });
      expect(await crashInFork()).toBeGreaterThan(0);
      await expectSubject();
      await expectNothingElse();
    }, 120_000);
  }
});

test("No layer of a disk is left of all that was killed", async () => {
  await daemon.deleteAll();
  await expect.poll(() => entries("layers"), { timeout: 10_000 }).toEqual([]);
});

type Operation = CrashPointName extends `${infer Name}.${string}` ? Name : never;

const meetings: Readonly<Record<Operation, (point: CrashPointName) => Promise<unknown>>> = {
  create: crashInCreate,
  exec: crashInExec,
  delete: crashInDelete,
  groupDelete: crashInGroupDelete,
  claim: crashInClaim,
  stop: crashInStop,
  resume: crashInResume,
  snapshot: crashInSnapshot,
  snapshotDelete: crashInSnapshotDelete,
  fork: crashInFork,
  rollback: crashInRollback,
  commit: crashInCommit,
  egress: crashInEgress,
  secret: crashInSecret,
  identity: crashInIdentity,
  volume: crashInVolume,
  volumeCopy: crashInVolumeCopy,
};

function operationOf(point: CrashPointName): Operation {
  return point.slice(0, point.indexOf(".")) as Operation;
}

/** A creation that was cut off ends up Running and usable, or was never begun. */
async function crashInCreate(): Promise<void> {
  await expectCrash(
    Sandbox.create({ ...options, alcove: daemon.alcove, entrypoint: ["/bin/sh", "-c", "echo up >> /root/up"] }),
  );
  for (const id of await others()) {
    const sandbox = daemon.alcove.sandboxes.connect(id);
    await expect.poll(async () => (await sandbox.info()).state, { timeout: 60_000 }).toBe("Running");
    expect((await sandbox.exec("echo usable")).stdout).toBe("usable\n");
    await expect.poll(() => sandbox.files.readText("/root/up").catch(() => ""), { timeout: 20_000 }).toBe("up\n");
    await sandbox.delete();
  }
}

/** An exec that was cut off goes on and can be attached to, or was never begun; and never runs twice. */
async function crashInExec(): Promise<void> {
  await bystander.exec("rm -f /root/ran");
  const starting = bystander.spawn("echo one; echo ran >> /root/ran; sleep 1; echo two", { detached: true });
  await expectCrash(starting.then((handle) => handle.wait()));
  const [exec] = (await bystander.execs.list()).filter(({ id }) => id !== ticking);
  if (exec !== undefined) {
    const handle = await bystander.execs.attach(exec.id);
    expect(await handle.stdout.text()).toBe("one\ntwo\n");
    expect((await handle.wait()).exitCode).toBe(0);
    await bystander.execs.delete(exec.id);
  }
  expect((await bystander.exec("cat /root/ran 2>/dev/null")).stdout).toBe(exec === undefined ? "" : "ran\n");
}

/** A deletion that was cut off is finished, or was never begun. */
async function crashInDelete(): Promise<void> {
  const sandbox = await Sandbox.create({ ...options, alcove: daemon.alcove });
  await expectCrash(sandbox.delete());
  for (const id of await others()) {
    const { desiredState } = await daemon.alcove.sandboxes
      .connect(id)
      .info()
      .catch(() => ({ desiredState: "Deleted" }));
    if (desiredState === "Running") await daemon.alcove.sandboxes.connect(id).delete();
  }
}

/** A member that was to become a sandbox becomes it, or the sandbox starts anew; no other daemon's member is left. */
async function crashInClaim(): Promise<void> {
  const { pools } = daemon.alcove.defaultGroup;
  await pools.set("fast", { image: options.image, memory: options.memory, minimum: 2 });
  await pools.waitUntilReady("fast", { signal: AbortSignal.timeout(60_000) });
  await expectCrash(Sandbox.create({ ...options, alcove: daemon.alcove, env: { NAME: "ada" } }));
  for (const id of await others()) {
    const sandbox = daemon.alcove.sandboxes.connect(id);
    await expect.poll(async () => (await sandbox.info()).state, { timeout: 60_000 }).toBe("Running");
    expect((await sandbox.exec("echo $NAME")).stdout).toBe("ada\n");
    await sandbox.delete();
  }
  await pools.delete("fast");
}

/** A group that is being deleted is gone in the end, with everything in it. */
async function crashInGroupDelete(): Promise<void> {
  const { alcove } = daemon;
  await alcove.request({ method: "POST", path: "/v1/groups", body: { name: "doomed" } });
  const body = { sourcesRef: { diskImage: { name: options.image } }, resources: { memory: options.memory } };
  await alcove.request({ method: "POST", path: "/v1/groups/doomed/sandboxes", body });
  await expectCrash(alcove.request({ method: "DELETE", path: "/v1/groups/doomed?force=true" }));
  const isThere = () => alcove.request({ method: "GET", path: "/v1/groups/doomed" }).then(Boolean, () => false);
  await expect.poll(isThere, { timeout: 30_000 }).toBe(false);
}

/** A stop that was cut off is carried to its end, or was never begun. */
async function crashInStop(point: CrashPointName): Promise<void> {
  await expectCrash(subject.stop());
  expect(await atRest()).toBe(point === "stop.beforeMark" ? "Running" : "Stopped");
  await subject.resume();
}

/** A resume that was cut off is carried to its end, or was never begun. */
async function crashInResume(point: CrashPointName): Promise<void> {
  await subject.stop();
  await expectCrash(subject.resume());
  expect(await atRest()).toBe(point === "resume.beforeMark" ? "Stopped" : "Running");
  await subject.resume();
}

/** A snapshot that was cut off was never begun, or is whole. */
async function crashInSnapshot(point: CrashPointName): Promise<void> {
  await hold("then");
  await expectCrash(subject.snapshot());
  const left = await snapshots();
  expect(left.map(({ status }) => status)).toEqual(point === "snapshot.afterFinish" ? ["Ready"] : []);
  for (const { id } of left) {
    await hold("later");
    const copy = await Sandbox.create({ alcove: daemon.alcove, snapshot: id });
    expect(await held(copy)).toBe("then");
    await copy.delete();
    await daemon.alcove.defaultGroup.snapshots.delete(id);
  }
}

async function crashInSnapshotDelete(): Promise<void> {
  const { id } = await subject.snapshot();
  await expectCrash(daemon.alcove.defaultGroup.snapshots.delete(id));
  await expect.poll(async () => (await snapshots()).length, { timeout: 10_000 }).toBe(0);
}

/** Copies that were begun are made, from the same instant; answers how many. */
async function crashInFork(): Promise<number> {
  await hold("forked");
  await expectCrash(subject.fork(2));
  const copies = await others();
  for (const id of copies) {
    const copy = daemon.alcove.sandboxes.connect(id);
    await copy.waitUntil("Running");
    expect(await held(copy)).toBe("forked");
    await copy.delete();
  }
  return copies.length;
}

/** A rollback that was cut off is carried to its end, or was never begun. */
async function crashInRollback(point: CrashPointName): Promise<void> {
  await hold("then");
  const { id } = await subject.snapshot();
  await hold("later");
  await expectCrash(subject.rollback(id));
  expect(await atRest()).toBe("Running");
  expect(await held(subject)).toBe(point === "rollback.beforeMark" ? "later" : "then");
  await daemon.alcove.defaultGroup.snapshots.delete(id);
}

/** An image that was cut off is none, and says so where it was promised. */
async function crashInCommit(point: CrashPointName): Promise<void> {
  const { images } = daemon.alcove.defaultGroup;
  await images.delete("committed");
  await expectCrash(subject.commit("committed"));
  const committed = async () => (await images.list()).filter(({ name }) => name === "committed");
  const expected = point === "commit.afterBegin" ? ["Failed"] : [];
  await expect.poll(async () => (await committed()).map(({ state }) => state), { timeout: 10_000 }).toEqual(expected);
  await images.delete("committed");
}

/** A policy that is on record is in force when the next daemon answers. */
async function crashInEgress(): Promise<void> {
  await expectCrash(
    subject.setEgressPolicy({ defaultAction: "Deny", hostRules: [{ pattern: "a.test", action: "Allow" }] }),
  );
  expect((await subject.info()).egressPolicy?.hostRules).toHaveLength(1);
}

/** What is on record of it can be read, with the key that was made for it. */
async function crashInSecret(): Promise<void> {
  const { secrets } = daemon.alcove.defaultGroup;
  await expectCrash(secrets.set("crashing", { token: "v4lue" }));
  expect((await secrets.peek("crashing")).values).toEqual({ token: "v4lue" });
}

async function crashInIdentity(): Promise<void> {
  const { identity } = daemon.alcove.defaultGroup;
  await expectCrash(identity.set({ audiences: ["api://crashing"] }));
  expect((await identity.get()).audiences).toEqual(["api://crashing"]);
}

/** What was asked for of it is carried to its end, or was never begun; and what is on it stays. */
async function crashInVolume(point: CrashPointName): Promise<void> {
  const { volumes } = daemon.alcove.defaultGroup;
  const live = async () => {
    await volumes.create("crashing", { size: "64Mi" });
    await bystander.volumes.attach("crashing", "/volume");
    await bystander.files.write("/volume/word", point);
    await bystander.volumes.detach("crashing");
    await volumes.delete("crashing");
  };
  await expectCrash(live());
  const left = await attachedOrNot("crashing");
  if (left?.attachments.length === 0) await bystander.volumes.attach("crashing", "/volume");
  if (point === "volume.afterTakeOut") expect(await bystander.files.readText("/volume/word")).toBe(point);
  if (left !== undefined) await bystander.volumes.detach("crashing");
  await volumes.delete("crashing").catch(() => undefined);
  expect(await entries("volumes")).toEqual([]);
}

/** A fork that was begun has a volume of its own, a rollback takes the volume back; both have what was on it then. */
async function crashInVolumeCopy(point: CrashPointName): Promise<void> {
  const { snapshots: kept, volumes } = daemon.alcove.defaultGroup;
  await volumes.create("copied", { size: "64Mi" });
  await subject.volumes.attach("copied", "/volume");
  await subject.files.write("/volume/word", "then");
  const { id } = await subject.snapshot();
  await subject.files.write("/volume/word", "later");
  const isFork = point === "volumeCopy.beforeStart";
  await expectCrash(isFork ? Sandbox.create({ alcove: daemon.alcove, snapshot: id }) : subject.rollback(id));
  const copies = await others();
  expect(copies).toHaveLength(isFork ? 1 : 0);
  for (const other of copies) {
    const copy = daemon.alcove.sandboxes.connect(other);
    await copy.waitUntil("Running");
    expect(await copy.files.readText("/volume/word")).toBe("then");
    await copy.delete();
  }
  expect(await atRest()).toBe("Running");
  expect(await subject.files.readText("/volume/word")).toBe(isFork ? "later" : "then");
  await subject.volumes.detach("copied");
  await kept.delete(id);
  await volumes.delete("copied");
  expect(await entries("volumes")).toEqual([]);
}

/** The volume, or undefined, when the daemon has finished what was asked for of it. */
async function attachedOrNot(name: string): Promise<Volume | undefined> {
  const find = async () => (await daemon.alcove.defaultGroup.volumes.list()).find((volume) => volume.name === name);
  const states = async () => (await find())?.attachments.map(({ state }) => state).join(" ") ?? "";
  await expect.poll(states, { timeout: 20_000 }).toMatch(/^(Attached)?$/);
  return find();
}

/** Its state when the daemon has finished with it. */
async function atRest(): Promise<string> {
  const state = async () => (await subject.info()).state;
  await expect.poll(state, { timeout: 20_000 }).toMatch(/^(Running|Stopped|Failed)$/);
  return state();
}

async function hold(word: string): Promise<void> {
  await subject.files.write("/dev/shm/held", word);
}

function held(sandbox: Sandbox): Promise<string> {
  return sandbox.files.readText("/dev/shm/held");
}

async function snapshots(): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const snapshot of daemon.alcove.defaultGroup.snapshots.list()) found.push(snapshot);
  return found;
}

/** The operation meets the crash; then the daemon is started again as it should be. */
async function expectCrash(operation: Promise<unknown>): Promise<void> {
  const outcome = operation.catch(() => undefined);
  await daemon.ended();
  await daemon.restart();
  await outcome;
}

async function expectBystander(): Promise<void> {
  expect((await bystander.info()).state).toBe("Running");
  expect((await bystander.execs.get(ticking)).state).toBe("Running");
}

/** It runs, as it ran before: its program has left out no number. */
async function expectSubject(): Promise<void> {
  expect((await subject.info()).state).toBe("Running");
  expect((await subject.execs.get(counting)).state).toBe("Running");
  const numbers = (await subject.files.readText("/dev/shm/numbers")).trim().split("\n").map(Number);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
}

async function expectNothingElse(): Promise<void> {
  await expect.poll(others, { timeout: 30_000 }).toEqual([]);
  const { processes, sockets, files, mounts } = await census(daemon);
  expect([processes.length, sockets.length, mounts]).toEqual([2, 2, nothing.mounts]);
  expect(files).toEqual([bystander.id, subject.id].sort());
  const kept = () => Promise.all(["suspended", "snapshots", "memories"].map(entries));
  await expect.poll(kept, { timeout: 10_000 }).toEqual([[], [], []]);
}

function entries(name: string): Promise<string[]> {
  return readdir(join(daemon.dataDirectory, name));
}

async function others(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of daemon.alcove.sandboxes.list()) if (id !== bystander.id && id !== subject.id) ids.push(id);
  return ids;
}

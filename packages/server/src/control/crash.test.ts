/**
 * A daemon dies at each crash point in turn, and the next one starts on the same store and host. Dying is played in this
 * process: from the point on, the daemon's store is closed and its engine does nothing more.
 */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { Engine, Machine } from "../engines/engine.js";
import { waitFor } from "../lib/backoff.js";
import { type CrashPointName, crashAt, crashPoints } from "./crash-points.js";
import { debian, group, never, type TestDaemon, TestHost, withMembers } from "./test-daemon.js";

/** What a dead daemon's calls come to. */
const dead = async () => Promise.reject(new Error("the daemon is dead"));
const doomed = "doomed";
const forever = new Promise<never>(() => undefined);

/** A daemon that dies when it passes the point. */
async function mortalDaemon(host: TestHost, point: CrashPointName) {
  let die: () => void = () => undefined;
  const died = new Promise<void>((resolve) => (die = resolve));
  const life = { isOver: false };
  const daemon: TestDaemon = await host.daemon({
    engine: (engine) => mortal(engine, life),
    options: {
      crashPoint(name) {
        if (name !== point || life.isOver) return;
        life.isOver = true;
        daemon.store.close();
        die();
        throw new Error(`died at ${name}`);
      },
    },
  });
  return { daemon, died };
}

function mortal(engine: Engine, life: { readonly isOver: boolean }): Engine {
  const { saves, volumes } = engine;
  return {
    ...withMembers(engine),
    ...(volumes && { volumes: { ...volumes, remove: (id) => (life.isOver ? dead() : volumes.remove(id)) } }),
    ...(saves && { saves: { ...saves, remove: (kept) => (life.isOver ? dead() : saves.remove(kept)) } }),
    async start(spec, signal) {
      const machine = await (life.isOver ? dead() : engine.start(spec, signal));
      if (life.isOver) {
        // A start that is under way ends with its daemon.
        await machine.destroy();
        return dead();
      }
      return mortalMachine(machine, life);
    },
  };
}

function mortalMachine(machine: Machine, life: { readonly isOver: boolean }): Machine {
  return {
    ...machine,
    destroy: () => (life.isOver ? dead() : machine.destroy()),
    detach: (id, signal) => (life.isOver ? dead() : (machine.detach?.(id, signal) ?? dead())),
    suspend: (mode, signal) => (life.isOver ? dead() : (machine.suspend?.(mode, signal) ?? dead())),
  };
}

/**
 * Does one of each: two sandboxes, one deleted, an exec in the other, which is stopped and resumed, two snapshots of that, one
 * deleted, copies of it, a group with one in it, one from a pool, a volume with a copy. Ends early when the daemon dies.
 */
async function live({ control }: TestDaemon, execId: string): Promise<void> {
  const kept = await control.sandboxes.create(
    group,
    { ...debian, cmd: ["sleep", "600"], labels: { is: "kept" } },
    never,
  );
  await control.execs.start(kept, { id: execId, args: ["sleep", "600"] }, never);
  await control.sandboxes.stop(kept, {}, never);
  await control.sandboxes.resume(kept, {}, never);
  const deleted = await control.sandboxes.create(group, debian, never);
  await control.sandboxes.delete(deleted, never);
  const { id: first } = await control.snapshots.take(kept, { name: "kept" }, never);
  const { id: snapshotId } = await control.snapshots.take(kept, {}, never);
  await control.snapshots.delete({ group, snapshotId });
  const { sandboxes: copies } = await control.snapshots.fork(kept, { count: 2 }, never);
  for (const copy of copies) await control.sandboxes.delete(copy, never);
  await control.snapshots.rollback(kept, { snapshotId: first }, never);
  await control.snapshots.commit(kept, { name: "committed" }, never);
  await control.groups.create({ name: doomed });
  const inDoomed = await control.sandboxes.create(doomed, debian, never);
  await control.snapshots.take(inDoomed, {}, never);
  await control.groups.delete(doomed, { force: true }, never);
  await control.pools.put(group, "fast", { sourcesRef: { diskImage: { name: "debian" } }, minimum: 1 });
  const hasMember = async () => ((await control.pools.get(group, "fast")).ready === 1 ? true : undefined);
  await waitFor(hasMember, AbortSignal.timeout(20_000));
  await control.sandboxes.create(group, debian, never);
  await control.egress.setPolicy(kept, { defaultAction: "Allow" });
  await control.secrets.put({ group, secretId: "crashing" }, { values: { token: "v4lue" } });
  await control.identity.set(group, { audiences: ["api://crashing"] });
  const volume = { group, volumeName: "crashing" };
  await control.volumes.create(group, { name: "crashing", size: "1Gi" }, never);
  await control.volumes.attach(kept, { volumeName: "crashing", mountpoint: "/volume" }, never);
  await control.volumes.detach({ ...kept, ...volume }, never);
  await control.volumes.delete(volume);
  await control.volumes.create(group, { name: "copied", size: "1Gi" }, never);
  await control.volumes.attach(kept, { volumeName: "copied", mountpoint: "/volume" }, never);
  const { id: withVolume } = await control.snapshots.take(kept, { name: "with a volume" }, never);
  const copy = await control.sandboxes.create(group, { sourcesRef: { snapshot: { id: withVolume } } }, never);
  await control.sandboxes.delete(copy, never);
  await control.snapshots.rollback(kept, { snapshotId: withVolume }, never);
}

for (const point of crashPoints) {
  test(`a daemon that dies at ${point} loses nothing and leaks nothing`, async () => {
    await using host = new TestHost();
    const execId = randomUUID();
    const { daemon, died } = await mortalDaemon(host, point);
    await Promise.race([died, live(daemon, execId).catch(() => forever)]);
    await expect(died, "the point is passed").resolves.toBeUndefined();
    const machinesAtDeath = [...host.fake.machines.keys()];

    const { control, store, gateway } = await host.daemon();
    const isAtRest = () =>
      store.journal.list().length + store.groups.deleting().length + store.snapshots.unfinished().length === 0;
    const expectedState = leavesStopped(point) ? "Stopped" : "Running";
    await waitFor(() => (isAtRest() ? true : undefined), AbortSignal.timeout(20_000));
    expect(store.groups.find(doomed)).toBeUndefined();
    if (store.pools.find(group, "fast")) await control.pools.delete(group, "fast");
    const sandboxes = await control.sandboxes.list(group, {});
    expect(sandboxes.map(({ state }) => state)).toEqual(sandboxes.map(() => expectedState));
    for (const { id, state } of sandboxes)
      if (state === "Stopped") await control.sandboxes.resume({ group, id }, {}, never);
    expect([...host.fake.suspended.keys()]).toEqual([]);
    // A pool's member that was just starting goes when it has started.
    await expect.poll(() => [...host.fake.machines.keys()].sort()).toEqual(sandboxes.map(({ id }) => id).sort());

    const snapshots = await control.snapshots.list(group, {});
    expect(snapshots.map(({ status }) => status)).toEqual(snapshots.map(() => "Ready"));
    expect([...host.fake.snapshots.keys()].sort()).toEqual(snapshots.map(({ id }) => id).sort());
    const isTaken = crashPoints.indexOf(point) >= crashPoints.indexOf("snapshot.afterFinish") && !isDelete(point);
    const ofVolume = point.startsWith("volumeCopy.") ? ["with a volume"] : [];
    expect(snapshots.map(({ name }) => name)).toEqual(isTaken ? [...ofVolume, "kept"] : []);

    const attachments = async () =>
      (await control.volumes.list(group, undefined)).flatMap((volume) => volume.attachments.map(({ state }) => state));
    await expect.poll(attachments).toEqual(Array.from({ length: attached[point] ?? 0 }, () => "Attached"));
    expect([...host.fake.volumes.keys()]).toHaveLength((await control.volumes.list(group, undefined)).length);

    const kept = sandboxes.find(({ labels }) => labels.is === "kept");
    expect(kept === undefined).toBe(point === "create.beforeInsert");
    if (kept !== undefined) await expectAdopted(kept.id, { point, machinesAtDeath, execId });
    const others = sandboxes.length - (kept === undefined ? 0 : 1);
    expect(others).toBe(othersLeft[point] ?? 0);
    const [some] = sandboxes;
    const isIdentity = gateway.inForce.get(some?.id ?? "")?.identity !== undefined;
    expect(isIdentity).toBe(crashPoints.indexOf(point) >= crashPoints.indexOf("identity.afterRecord"));

    async function expectAdopted(id: string, death: Death): Promise<void> {
      const execs = await control.execs.list({ group, id }, never);
      const entrypoint = (await control.sandboxes.get({ group, id })).entrypointExecId;
      const expected = hasExec(death.point) ? [entrypoint, death.execId] : [entrypoint];
      expect(execs.map((exec) => exec.id).sort()).toEqual(expected.sort());
      expect(execs.map((exec) => exec.state)).toEqual(execs.map(() => "Running"));
      expect(
        store.execs
          .list(id)
          .map((exec) => exec.id)
          .sort(),
      ).toEqual(expected.sort());
    }
  });
}

/** Sandboxes that nobody was told to delete when the daemon died. */
const othersLeft: Partial<Record<CrashPointName, number>> = {
  "delete.beforeMark": 1,
  "fork.afterCopies": 2,
  "claim.afterRenew": 1,
  "egress.afterRecord": 1,
  "secret.afterRecord": 1,
  "identity.afterRecord": 1,
  "volume.beforeInsert": 1,
  "volume.afterAttach": 1,
  "volume.afterMount": 1,
  "volume.afterDetach": 1,
  "volume.afterTakeOut": 1,
  "volume.afterRemove": 1,
  "volumeCopy.beforeStart": 2,
  "volumeCopy.afterRollback": 1,
};

/** Points after which so many volumes are a sandbox's. */
const attached: Partial<Record<CrashPointName, number>> = {
  "volume.afterAttach": 1,
  "volume.afterMount": 1,
  "volumeCopy.beforeStart": 2,
  "volumeCopy.afterRollback": 1,
};

/** Comes before any snapshot. */
function isDelete(point: CrashPointName): boolean {
  return point.startsWith("delete.");
}

interface Death {
  readonly point: CrashPointName;
  readonly machinesAtDeath: readonly string[];
  readonly execId: string;
}

/** Whether the guest had been told of the exec when the daemon died. */
function hasExec(point: CrashPointName): boolean {
  const order = crashPoints.indexOf(point);
  return order >= crashPoints.indexOf("exec.afterStart");
}

/** Whether it was on record that the sandbox shall be stopped, and not yet that it shall be resumed. */
function leavesStopped(point: CrashPointName): boolean {
  const order = crashPoints.indexOf(point);
  return order >= crashPoints.indexOf("stop.afterMark") && order <= crashPoints.indexOf("resume.beforeMark");
}

test.each(["resume.afterStart", "resume.beforeRunning"] as const)(
  "a boot from the disk whose daemon died at %s has its program, once",
  async (point) => {
    await using host = new TestHost();
    const { daemon, died } = await mortalDaemon(host, point);
    const created = await daemon.control.sandboxes.create(group, { ...debian, cmd: ["sleep", "600"] }, never);
    await daemon.control.sandboxes.stop(created, { mode: "Disk" }, never);
    daemon.control.sandboxes.resume(created, {}, never).catch(() => undefined);
    await died;
    const { control } = await host.daemon();
    expect((await control.sandboxes.get(created)).state).toBe("Running");
    const execs = await control.execs.list(created, never);
    expect(execs).toMatchObject([{ id: created.entrypointExecId, state: "Running" }]);
  },
);

test("a crash point that is set kills the process at its nth passage only", () => {
  const killed: unknown[] = [];
  const kill = process.kill;
  process.kill = (...args) => {
    killed.push(args);
    return true;
  };
  try {
    const crashPoint = crashAt({ name: "create.afterStart", passage: 2 });
    crashPoint("create.beforeStart");
    crashPoint("create.afterStart");
    expect(killed).toEqual([]);
    crashPoint("create.afterStart");
    expect(killed).toEqual([[process.pid, "SIGKILL"]]);
  } finally {
    process.kill = kill;
  }
});

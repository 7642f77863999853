/**
 * The daemon is killed before and after each step of create, exec and delete, on the real engine. Nothing that was answered
 * is lost, what was half done is finished or undone, and nothing is left on the host.
 */

import { Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crashPoints } from "../../packages/server/src/control/crash-points.js";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";

const options = { image: "debian", memory: "512Mi" } as const;

let daemon: TestDaemon;
let bystander: Sandbox;
let ticking: string;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  bystander = await Sandbox.create({ ...options, alcove: daemon.alcove });
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

describe("killed at", () => {
  for (const point of crashPoints) {
    test(`${point}: nothing is lost and nothing is left`, async () => {
      await daemon.stop();
      await daemon.restart({ ALCOVE_CRASH_AT: point });
      const [operation] = point.split(".");
      if (operation === "create") await crashInCreate();
      if (operation === "exec") await crashInExec();
      if (operation === "delete") await crashInDelete();
      if (operation === "groupDelete") await crashInGroupDelete();
      if (operation === "claim") await crashInClaim();
      await expectBystander();
      await expectOnlyBystander();
    }, 120_000);
  }
});

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

async function expectOnlyBystander(): Promise<void> {
  await expect.poll(others, { timeout: 30_000 }).toEqual([]);
  const { processes, sockets, files, mounts } = await census(daemon);
  expect([processes.length, sockets.length, files, mounts]).toEqual([1, 1, [bystander.id], nothing.mounts]);
}

async function others(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of daemon.alcove.sandboxes.list()) if (id !== bystander.id) ids.push(id);
  return ids;
}

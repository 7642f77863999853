/** What sleeps, is copied and goes back, through the daemon on the real engine: each once, as a user meets it. */
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { census, nothing } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";

const size = { image: "debian", memory: "512Mi" } as const;
const held = "/dev/shm/held";

let daemon: TestDaemon;
let sandbox: Sandbox;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  sandbox = await Sandbox.create({ ...size, alcove: daemon.alcove });
}, 600_000);
afterAll(async () => {
  await daemon.alcove.defaultGroup.images.delete("committed");
  await daemon[Symbol.asyncDispose]();
});

test("A rollback brings memory and disk of its snapshot back, and what was on the disk is in the image of a commit", async () => {
  await sandbox.files.write("/root/word", "then");
  await sandbox.files.write(held, "then");
  const generation = await generationOf(sandbox);
  const { id } = await sandbox.snapshot();
  await sandbox.files.write("/root/word", "later");
  await sandbox.files.write(held, "later");
  expect(await sandbox.rollback(id)).toMatchObject({ state: "Running", id: sandbox.id });
  expect(await Promise.all(["/root/word", held].map((path) => sandbox.files.readText(path)))).toEqual(["then", "then"]);
  expect(await generationOf(sandbox)).toBeGreaterThan(generation);
  await daemon.alcove.defaultGroup.snapshots.delete(id);

  await sandbox.commit("committed");
  await using made = await Sandbox.create({ ...size, image: "committed", alcove: daemon.alcove });
  expect(await made.files.readText("/root/word")).toBe("then");
  await expect(made.files.readText(held)).rejects.toMatchObject({ code: "FileNotFound" });
});

test("Forks with the same seed have the same random bytes for programs, and no two have the kernel's in common", async () => {
  const seed = "5e".repeat(32);
  const [first, second, other] = [
    await sandbox.fork(2, { seed }),
    await sandbox.fork(2, { seed }),
    await sandbox.fork(1, { seed: "6f".repeat(32) }),
  ];
  const copies = [first, second, other].flatMap(({ sandboxes }) => sandboxes);
  const told = await Promise.all(copies.map((copy) => copy.files.readText("/run/alcove/seed")));
  expect(told.map((words) => /^[0-9a-f]{64}\n$/.test(words))).toEqual(Array(5).fill(true));
  expect(told.slice(2, 4)).toEqual(told.slice(0, 2));
  expect(new Set(told).size).toBe(3);
  const drawn = await Promise.all(copies.map((copy) => copy.files.readText("/proc/sys/kernel/random/uuid")));
  expect(new Set(drawn).size).toBe(5);
  expect(await sandbox.files.readText("/run/alcove/seed")).toBe("");
  await Promise.all(copies.map((copy) => copy.delete()));
});

test("A program that waits uninterruptibly resists the freeze: a stop goes on and says so, a fork refuses", async () => {
  await sandbox.exec("fsfreeze -f /");
  const writer = await sandbox.spawn("echo at last > /root/last", { detached: true });
  const states = async () => (await sandbox.processes()).map(({ state }) => state).join();
  await expect.poll(states, { timeout: 10_000 }).toContain("D");
  await expect(sandbox.fork(1)).rejects.toMatchObject({ code: "FreezeRefused" });
  expect((await sandbox.execs.get(writer.id)).state).toBe("Running");

  const stopped = await sandbox.stop();
  expect(stopped).toMatchObject({ state: "Stopped", suspended: { mode: "Memory" } });
  expect(stopped.stateDetails.message).toContain("resisted the freeze");
  await sandbox.resume();
  await sandbox.exec("fsfreeze -u /");
  expect((await writer.wait()).exitCode).toBe(0);
  expect(await sandbox.files.readText("/root/last")).toBe("at last\n");
});

test("An idle sandbox falls asleep by its policy, and the next command wakes it where it stood", async () => {
  await sandbox.files.write(held, "asleep");
  const generation = await generationOf(sandbox);
  await sandbox.setLifecycle({ autoSuspendPolicy: { enabled: true, interval: 1, keepAwake: [] } });
  const slept = await sandbox.waitUntil("Stopped", { signal: AbortSignal.timeout(30_000) });
  expect(slept.stateDetails.stoppedReason).toBe("Idle");
  const outputs = await Promise.all([1, 2, 3].map(() => sandbox.exec(`cat ${held}`)));
  expect(outputs.map(({ stdout }) => stdout)).toEqual(["asleep", "asleep", "asleep"]);
  expect(await generationOf(sandbox)).toBe(generation + 1);
  await sandbox.delete();
});

test("A pool hands out what runs and is filled again, also by the daemon after one that was killed", async () => {
  const { pools } = daemon.alcove.defaultGroup;
  const ready = () => pools.waitUntilReady("fast", { signal: AbortSignal.timeout(60_000) });
  await pools.set("fast", { ...size, minimum: 1 });
  await ready();
  await daemon.kill();
  await daemon.restart();
  await ready();
  const claimed = await Sandbox.create({ ...size, env: { NAME: "ada" }, alcove: daemon.alcove });
  expect((await claimed.exec("echo $NAME")).stdout).toBe("ada\n");
  expect((await ready()).claimed).toBe(1);
  await pools.delete("fast");
  await claimed.delete();
  await expect.poll(() => census(daemon), { timeout: 30_000 }).toEqual(nothing);
});

test("What a pool's prime command left in memory and on the disk is in every sandbox of the size, with random bytes of its own", async () => {
  const { pools } = daemon.alcove.defaultGroup;
  const command = `echo primed > /root/mark; echo primed > ${held}`;
  await pools.set("primed", { ...size, minimum: 0, prime: ["sh", "-c", command] });
  await pools.waitUntilReady("primed", { signal: AbortSignal.timeout(60_000) });
  const boxes = await Promise.all([1, 2].map(() => Sandbox.create({ ...size, alcove: daemon.alcove })));
  await pools.delete("primed");
  const look = async () => {
    for (const box of boxes)
      for (const path of ["/root/mark", held]) expect(await box.files.readText(path)).toBe("primed\n");
  };
  await look();
  for (const box of boxes) {
    expect(await box.execs.list()).toEqual([]);
    await box.stop();
    await box.resume();
  }
  await look();
  const drawn = await Promise.all(boxes.map((box) => box.files.readText("/proc/sys/kernel/random/uuid")));
  expect(new Set(drawn).size).toBe(2);
  await Promise.all(boxes.map((box) => box.delete()));
  await expect.poll(() => census(daemon), { timeout: 30_000 }).toEqual(nothing);
});

async function generationOf(of: Sandbox): Promise<number> {
  return Number(await of.files.readText("/run/alcove/generation"));
}

/** Volumes in snapshots, forks and rollbacks on the real engine: memory, disk and volume of one instant. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { census } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";

type Handle = Pick<Sandbox, "exec">;

let daemon: TestDaemon;
let sandbox: Sandbox;
const patience = { timeout: 20_000 };
const options = { image: "debian", memory: "512Mi" } as const;

beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  await daemon.alcove.defaultGroup.volumes.create("data", { size: "64Mi" });
  sandbox = await Sandbox.create({ ...options, alcove: daemon.alcove, volumes: { data: "/data" } });
}, 600_000);

afterAll(() => daemon?.[Symbol.asyncDispose]());

/** Each number first on the root disk, then on the volume, each on its disk before the next. */
const writer = `
import os
def put(path, number):
    with open(path, "a") as file:
        file.write(f"{number}\\n")
        file.flush()
        os.fsync(file.fileno())
number = 0
while True:
    number += 1
    put("/root/numbers", number)
    put("/data/numbers", number)
`;

test("root disk, volume and memory are of one instant, in each fork and from the disk alone, while the source goes on", async () => {
  await sandbox.files.write("/root/writer.py", writer);
  const writing = await sandbox.spawn("echo $$ > /root/writer.pid; exec python3 /root/writer.py", { detached: true });
  await expect.poll(() => lastOf(sandbox, "/data/numbers"), patience).toBeGreaterThan(3);
  const { snapshots } = daemon.alcove.defaultGroup;
  const snapshot = await sandbox.snapshot();
  const {
    sandboxes: [fork],
  } = await sandbox.fork(1);
  await goesOn(sandbox);
  if (fork === undefined) throw new Error("there is no fork");
  await goesOn(fork);
  await fork.exec("kill $(cat /root/writer.pid)");
  await expectPairs(fork);
  const booted = await Sandbox.create({ alcove: daemon.alcove, snapshot: snapshot.id, from: "Disk" });
  await expectPairs(booted);
  await goesOn(sandbox);
  await booted.delete();
  await fork.delete();
  await writing.kill();
  await writing.wait();
  await expectPairs(sandbox);
  await snapshots.delete(snapshot.id);
});

test("what was frozen is taken away, mounted elsewhere, read-only too, and is in snapshots of a sandbox that sleeps", async () => {
  const { snapshots, volumes } = daemon.alcove.defaultGroup;
  const ids: string[] = [];
  for (const word of ["zeroth", "first"]) {
    await sandbox.exec(`echo ${word} > /data/word`);
    ids[0] = (await sandbox.snapshot()).id;
  }
  await sandbox.exec("echo second > /data/word");
  await sandbox.volumes.detach("data");
  await sandbox.volumes.attach("data", "/mnt/again", { readOnly: true });
  await sandbox.stop();
  ids[1] = (await sandbox.snapshot()).id;
  await sandbox.resume();
  await expectWord(sandbox, "/mnt/again", "second");
  await sandbox.volumes.detach("data");
  await sandbox.volumes.attach("data", "/data");
  await sandbox.exec("echo third > /data/word");
  await sandbox.stop({ mode: "Disk" });
  ids[2] = (await sandbox.snapshot()).id;
  await sandbox.resume();
  await sandbox.exec("echo last > /data/word");
  const words = ["first", "second", "third"];
  for (const [index, id] of ids.entries()) {
    const copy = await Sandbox.create({ alcove: daemon.alcove, snapshot: id });
    const [mount] = (await copy.info()).volumes ?? [];
    await expectWord(copy, mount?.mountpoint ?? "", words[index] ?? "");
    expect(mount?.readOnly).toBe(index === 1);
    await copy.delete();
  }
  for await (const { id } of snapshots.list()) await snapshots.delete(id);
  await expectWord(sandbox, "/data", "last");
  expect((await volumes.list()).map(({ name }) => name)).toEqual(["data"]);
});

test("a rollback takes the volume back with memory and disk, or disk alone, and what a snapshot has outlives the volume", async () => {
  const { volumes } = daemon.alcove.defaultGroup;
  await sandbox.exec("echo then > /data/word");
  await sandbox.spawn("exec tail -f /data/word", { detached: true });
  const { id } = await sandbox.snapshot();
  for (const from of ["Memory", "Disk"] as const) {
    await sandbox.exec("echo later > /data/word; head -c 3000000 /dev/urandom > /data/bytes; sync");
    await sandbox.rollback(id, { from });
    expect((await sandbox.exec("cat /data/word; ls /data")).stdout).toMatch(
      /^then\nlost\+found\n(?:numbers\n)?word\n$/,
    );
  }
  await sandbox.delete();
  await volumes.delete("data");
  const copy = await Sandbox.create({ alcove: daemon.alcove, snapshot: id });
  expect((await copy.exec("cat /data/word")).stdout).toBe("then\n");
  await daemon.alcove.defaultGroup.snapshots.delete(id);
  await copy.stop();
  await daemon.kill();
  await daemon.restart();
  await copy.resume();
  expect((await copy.exec("cat /data/word; echo mine > /data/word; cat /data/word")).stdout).toBe("then\nmine\n");
  await copy.delete();
  const { processes, files, mounts } = await census(daemon);
  expect([processes.length, files, mounts]).toEqual([0, [], expect.anything()]);
  for (const place of ["volumes", "layers", "snapshots"])
    expect(await readdir(join(daemon.dataDirectory, place)), place).toEqual([]);
});

async function expectWord(machine: Handle, directory: string, word: string): Promise<void> {
  expect((await machine.exec(`cat ${directory}/word`)).stdout).toBe(`${word}\n`);
}

async function lastOf(machine: Handle, path: string): Promise<number> {
  return Number((await machine.exec(`tail -n 1 ${path} 2>/dev/null || echo 0`)).stdout);
}

async function goesOn(machine: Handle): Promise<void> {
  const before = await lastOf(machine, "/data/numbers");
  await expect.poll(() => lastOf(machine, "/data/numbers"), patience).toBeGreaterThan(before);
}

/** What the volume has is on the root disk, which is ahead by one number at most; neither lacks any. */
async function expectPairs(machine: Handle): Promise<void> {
  const numbers = async (path: string) => (await machine.exec(`cat ${path}`)).stdout.trimEnd().split("\n").map(Number);
  const [root, volume] = [await numbers("/root/numbers"), await numbers("/data/numbers")];
  expect(root).toEqual(root.map((_, index) => index + 1));
  expect(volume).toEqual(root.slice(0, volume.length));
  expect(volume.length).toBeGreaterThan(3);
  expect(root.length - volume.length).toBeLessThanOrEqual(1);
}

/** The disk against the memory of machines that are suspended, and of which snapshots are taken, while programs write. */
import { randomUUID } from "node:crypto";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Kept, Machine } from "../../packages/server/src/engines/engine.js";
import { collect, specOf } from "../../packages/server/src/engines/suite/subject.js";
import { run } from "../../packages/server/src/host/run.js";
import { waitFor } from "../../packages/server/src/lib/backoff.js";
import { openRealMachines, type RealMachines } from "../harness/machines.js";

const signal = AbortSignal.timeout(400_000);
const withSbin = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };
let machines: RealMachines;

beforeAll(async () => {
  machines = await openRealMachines(signal);
}, 300_000);
afterAll(async () => await machines?.[Symbol.asyncDispose]());

const writing = `import hashlib, os, random, time
os.makedirs("/root/written", exist_ok=True)
sums, count = {}, 0
while not os.path.exists("/root/stop"):
    content, path = random.randbytes(random.randint(1, 100_000)), f"/root/written/{count % 150}"
    with open(path, "wb") as file:
        file.write(content)
        if count % 3 == 0:
            file.flush()
            os.fsync(file.fileno())
    sums[path], count = hashlib.sha256(content).digest(), count + 1
    print(count, flush=True)
os.sync()
open("/proc/sys/vm/drop_caches", "w").write("3")
print("wrong", [path for path, sum in sums.items() if hashlib.sha256(open(path, "rb").read()).digest() != sum])
`;

test("what is written while the machine is suspended again and again is on its disk as its memory knows it, and the file system is whole", async () => {
  let machine = await machines.start();
  const { id } = await machine.guest.execs.start(specOf(["python3", "-c", writing]), signal);
  for (let generation = 2; generation < 5; generation++) {
    await writesOn(machine, id, 50);
    await machines.suspend(machine);
    machine = await machines.goOn(machine, generation);
  }
  await expectWhole(machine, id);
  await machine.suspend?.("Disk", signal);
  await expectWholeDisk({ kind: "suspended", sandboxId: machine.id });
}, 180_000);

test("devices whose state is damaged are refused as that, and the disk boots all the same", async () => {
  const machine = await machines.start();
  const { id } = machine;
  await machines.suspend(machine);
  await truncate(join(machines.dataDirectory, "suspended", id, "state"), 1_000);
  await expect(machines.goOn(machine, 2)).rejects.toMatchObject({ code: "SnapshotIncompatible" });
  const booted = await machines.start({
    id,
    generation: 3,
    origin: { kind: "suspended", sandboxId: id, from: "Disk" },
  });
  expect((await booted.guest.health(signal)).generation).toBe(3);
  await booted.destroy();
}, 120_000);

test("what is written while 20 snapshots are taken is in each of them as its memory knows it, and the file systems are whole", async () => {
  const source = await machines.start();
  const { id } = await source.guest.execs.start(specOf(["python3", "-c", writing]), signal);
  const snapshots = [];
  for (let taken = 0; taken < 20; taken++) {
    await writesOn(source, id, 5);
    const snapshotId = randomUUID();
    await source.snapshot?.(snapshotId, { mustFreeze: true }, signal);
    snapshots.push(snapshotId);
  }
  await expectWhole(source, id);
  await source.destroy();
  for (const snapshotId of snapshots.filter((_, index) => index % 7 === 5)) {
    const origin = { kind: "snapshot", snapshotId, from: "Memory" } as const;
    const copy = await machines.start({ generation: 2, origin });
    await expectWhole(copy, id);
    await copy.destroy();
    await expectWholeDisk(origin);
  }
}, 180_000);

/** So many bytes more of its counting: each line is a file. */
async function writesOn({ guest }: Machine, execId: string, bytes: number): Promise<void> {
  const written = async () => (await guest.execs.get(execId, 0, signal)).stdoutBytes;
  const before = await written();
  await waitFor(async () => (await written()) > before + bytes || undefined, signal);
}

/** The program compares each file, read from the disk anew, with what it remembers. */
async function expectWhole({ guest }: Machine, execId: string): Promise<void> {
  await collect(guest.execs.run(specOf(["touch", "/root/stop"]), signal));
  const { stdout, stderr, end } = await collect(guest.execs.attach(execId, 0, signal));
  expect(stderr).toBe("");
  expect(stdout).toMatch(/\nwrong \[\]\n$/);
  expect(end.exitCode).toBe(0);
}

async function expectWholeDisk(kept: Kept): Promise<void> {
  const disk = join(machines.dataDirectory, "disk.raw");
  await machines.engine.saves?.writeDisk(kept, disk, signal);
  await run("e2fsck", ["-y", "-E", "journal_only", disk], { environment: withSbin });
  await run("e2fsck", ["-fn", disk], { environment: withSbin });
  await rm(disk);
}

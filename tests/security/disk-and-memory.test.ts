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

/**
 * It left the cgroup that is frozen, so that nothing but the machine's pause has what it keeps come from one instant: on the disk past the
 * page cache, and in two places of the memory.
 */
const counting = `import mmap, os, time
sector = mmap.mmap(-1, 4096)
far = mmap.mmap(-1, 96 << 20)
disk = os.open("/root/count", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
count = 0
def write():
    sector[:8] = count.to_bytes(8, "little")
    os.pwrite(disk, sector, 0)
write()
while True:
    os.preadv(disk, [sector], 0)
    kept = (int.from_bytes(sector[:8], "little"), far[0], far[-1])
    if kept != (count, count & 255, count & 255):
        print("torn", count, kept, flush=True)
    count += 1
    far[0] = count & 255
    for page in range(1 << 20, 95 << 20, 1 << 20):
        far[page] = count & 255
    far[-1] = count & 255
    write()
    if count % 20 == 0:
        print(count, flush=True)
`;
const unfrozen = [
  "mkdir -p /tmp/c && mount -t cgroup2 none /tmp/c && mkdir -p /tmp/c/away && echo $$ > /tmp/c/away/cgroup.procs",
  `exec python3 -c '${counting}'`,
].join(" && ");

test("what resists the freeze finds its memory and its disk of one instant, asleep and in copies", async () => {
  let machine = await machines.start();
  const { id } = await machine.guest.execs.start(specOf(["sh", "-c", unfrozen]), signal);
  const snapshots = [];
  for (let taken = 0; taken < 4; taken++) {
    await writesOn(machine, id, 20);
    const snapshotId = randomUUID();
    const saved = await machine.snapshot?.(snapshotId, { mustFreeze: false }, signal);
    expect(saved?.isFrozen).toBe(false);
    snapshots.push(snapshotId);
  }
  for (let generation = 2; generation < 4; generation++) {
    expect((await machines.suspend(machine)).isFrozen).toBe(false);
    machine = await machines.goOn(machine, generation);
    await writesOn(machine, id, 20);
  }
  await expectNothingTorn(machine, id);
  for (const snapshotId of snapshots) {
    const copy = await machines.start({ generation: 2, origin: { kind: "snapshot", snapshotId, from: "Memory" } });
    await writesOn(copy, id, 20);
    await expectNothingTorn(copy, id);
  }
}, 180_000);

async function expectNothingTorn(machine: Machine, execId: string): Promise<void> {
  await machine.guest.execs.signal(execId, "KILL", signal);
  const { stdout, stderr } = await collect(machine.guest.execs.attach(execId, 0, signal));
  expect(stderr).toBe("");
  expect(stdout.match(/torn.*/g)).toBeNull();
  await machine.destroy();
}

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

/**
 * Root inside a sandbox does its worst. Its own sandbox may suffer; the template, the neighbours and the daemon may not.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { execLatenciesMs, percentile } from "../harness/latency.js";

const attacks: Readonly<Record<string, string>> = {
  "fork bomb": "b() { b | b & }; b; sleep 5",
  "all memory": "python3 -c 'x=[]\nwhile True: x.append(bytearray(1<<20))'",
  "full disk": "dd if=/dev/zero of=/fill bs=1M count=300; rm -f /fill",
  "full tmpfs": "mount -t tmpfs none /mnt && dd if=/dev/zero of=/mnt/fill bs=1M; umount /mnt",
  "console flood": "timeout 5 sh -c 'yes flood > /dev/console'; timeout 2 sh -c 'yes > /dev/kmsg'",
  "kill everything": "kill -9 -1; ls /proc | grep ^[0-9] | xargs kill -9",
  "unmount everything": "umount -a -l; mount -t tmpfs none /proc; mount -t tmpfs none /sys; mount -t tmpfs none /tmp",
  "output flood": "timeout 5 yes",
  "remove the system": "rm -rf --no-preserve-root /usr/lib/python3 /var /boot /home",
  descriptors:
    "python3 -c 'import os\nfds=[]\ntry:\n  while True: fds.append(os.open(\"/dev/null\",0))\nexcept OSError: pass\nimport time; time.sleep(2)'",
  spin: "timeout 5 sh -c 'while :; do :; done'",
  clock: "date -s 2001-01-01",
  "module and memory devices":
    "dd if=/dev/mem of=/dev/null bs=1M count=4; dd if=/dev/zero of=/dev/mem bs=1M count=1 seek=1; insmod /nothing.ko; echo 1 > /proc/sys/kernel/sysrq",
  "block devices": "for d in /dev/vd[b-z]; do dd if=/dev/urandom of=$d bs=1M count=1; blockdev --setsz 0 $d; done",
};

let daemon: TestDaemon;
let neighbour: Sandbox;
let hostile: Sandbox;
let before: Record<string, string>;
let idleP95Ms: number;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  const options = { image: "debian", alcove: daemon.alcove, memory: "512Mi" };
  [neighbour, hostile] = await Promise.all([Sandbox.create(options), Sandbox.create(options)]);
  before = await templateChecksums();
  idleP95Ms = percentile(await execLatenciesMs(neighbour, 40), 0.95);
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

describe("a hostile root's", () => {
  for (const [name, script] of Object.entries(attacks)) {
    test(`${name} does not take the daemon or the agent down`, async () => {
      await hostile.exec(script, { timeoutMs: 12_000, signal: AbortSignal.timeout(60_000) });
      expect((await hostile.exec(["/bin/true"], { signal: AbortSignal.timeout(60_000) })).exitCode).toBe(0);
    }, 150_000);
  }
});

test("A neighbour's exec latency stays within three times of idle while it rages", async () => {
  const fresh = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
  const rage = await fresh.spawn(
    "for i in 1 2 3 4; do (while :; do :; done) & done; yes > /dev/console & yes > /dev/null & dd if=/dev/zero of=/root/rage bs=1M count=500 conv=fsync; sleep 60",
    { timeoutMs: 60_000 },
  );
  const raging = async () => (await fresh.processes()).filter(({ state }) => state === "R").length;
  await expect.poll(raging, { timeout: 20_000 }).toBeGreaterThan(3);
  const p95Ms = percentile(await execLatenciesMs(neighbour, 60), 0.95);
  expect(await raging()).toBeGreaterThan(3);
  await rage[Symbol.asyncDispose]();
  await fresh.delete();
  expect(p95Ms).toBeLessThanOrEqual(3 * idleP95Ms);
}, 180_000);

test("Garbage on the channel's own ports costs the hostile sandbox its connection, not the daemon", async () => {
  const own = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
  await own.spawn('for n in /dev/vport*; do timeout 5 sh -c "cat /dev/urandom > $n" & done; wait', {
    timeoutMs: 10_000,
    detached: true,
  });
  await Promise.allSettled(Array.from({ length: 5 }, () => own.exec("true", { signal: AbortSignal.timeout(15_000) })));
  expect((await neighbour.exec("echo fine")).stdout).toBe("fine\n");
  await own.delete();
}, 120_000);

test("The templates are what they were, and the daemon is well", async () => {
  expect(await templateChecksums()).toEqual(before);
  expect((await daemon.alcove.health()).status).toBe("ok");
});

async function templateChecksums(): Promise<Record<string, string>> {
  const root = join(daemon.dataDirectory, "templates");
  const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(0);
  const sums = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const hash = createHash("sha256");
    await pipeline(createReadStream(path), hash);
    return [path, hash.digest("hex")] as const;
  });
  return Object.fromEntries(await Promise.all(sums));
}

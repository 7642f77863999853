/** Volumes on the real engine: what is written to one stays on it through all that becomes of sandbox and daemon. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError, Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { census } from "../harness/census.js";
import { TestDaemon } from "../harness/daemon.js";

let daemon: TestDaemon;
let sandbox: Sandbox;
const options = { image: "debian", memory: "512Mi" } as const;

beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  await daemon.alcove.defaultGroup.volumes.create("data", { size: "64Mi" });
  sandbox = await Sandbox.create({ ...options, alcove: daemon.alcove, volumes: { data: "/data" } });
}, 600_000);

afterAll(() => daemon?.[Symbol.asyncDispose]());

test("a sandbox is created with a volume, which is a disk of its own", async () => {
  const { stdout } = await sandbox.exec("findmnt -no FSTYPE,OPTIONS /data; df -m --output=size /data | tail -1");
  expect(stdout).toMatch(/^ext4\s+rw/);
  const mebibytes = Number(stdout.trim().split("\n").at(-1));
  expect(mebibytes).toBeGreaterThan(40);
  expect(mebibytes).toBeLessThanOrEqual(64);
  await write("first");
  expect((await sandbox.info()).volumes).toEqual([{ volumeName: "data", mountpoint: "/data", readOnly: false }]);
});

test("what is more than its size does not fit, and hurts nothing else", async () => {
  const { exitCode, stderr } = await sandbox.exec("dd if=/dev/zero of=/data/large bs=1M count=80 status=none");
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("No space left on device")]);
  await sandbox.exec("rm /data/large");
  await expectWritten();
});

test("it sleeps and wakes with open files, and survives a daemon that is killed", async () => {
  const writing = await sandbox.spawn("exec 3>>/data/log; while echo on >&3; do sleep 0.1; done", { detached: true });
  await sandbox.stop();
  await daemon.kill();
  await daemon.restart();
  await sandbox.resume();
  await expectWritten();
  await write("second");
  await writing.kill();
  expect((await sandbox.exec("sort -u /data/log")).stdout).toBe("on\n");
});

test("a boot from the disk mounts it again, with all that was written", async () => {
  await write("third");
  await sandbox.stop({ mode: "Disk" });
  await sandbox.resume();
  await expectWritten();
});

test("nobody else gets it meanwhile, and it is not deleted", async () => {
  const { volumes } = daemon.alcove.defaultGroup;
  const other = Sandbox.create({ ...options, alcove: daemon.alcove, volumes: { data: "/data" } });
  expect(await codeOf(other)).toBe("VolumeInUse");
  expect(await codeOf(volumes.delete("data"))).toBe("VolumeInUse");
});

test("a running sandbox gives one back when nobody uses it, and another one has it, read-only where that is asked for", async () => {
  const { volumes } = daemon.alcove.defaultGroup;
  const busy = await sandbox.spawn("cd /data && sleep 600", { detached: true });
  await expect.poll(() => codeOf(sandbox.volumes.detach("data"))).toBe("VolumeBusy");
  await busy.kill();
  await busy.wait();
  await sandbox.volumes.detach("data");
  expect((await sandbox.exec("ls /data; cat /sys/block/vd?/size | sort -u | head -1")).stdout).toBe("0\n");
  expect((await volumes.get("data")).attachments).toEqual([]);
  await volumes.fork("data", "copy");
  await sandbox.volumes.attach("copy", "/copy");
  await sandbox.exec("echo another >> /copy/word");
  expect((await sandbox.exec("cat /copy/word; sync")).stdout).toBe("third\nanother\n");
  await sandbox.volumes.detach("copy");
  await volumes.delete("copy");
  await sandbox.volumes.attach("data", "/mnt/again", { readOnly: true });
  expect((await sandbox.exec("cat /mnt/again/word")).stdout).toBe("third\n");
  expect((await sandbox.exec("mount -o remount,rw /mnt/again && echo forged > /mnt/again/word && sync")).exitCode).toBe(
    0,
  );
  await sandbox.volumes.detach("data");
  await sandbox.volumes.attach("data", "/data");
  await expectWritten();
});

test("what was written last is on it when its sandbox is deleted, and nothing else is left", async () => {
  await write("last");
  await sandbox.delete();
  sandbox = await Sandbox.create({ ...options, alcove: daemon.alcove });
  await sandbox.volumes.attach("data", "/data");
  await expectWritten();
  await sandbox.delete();
  const { volumes } = daemon.alcove.defaultGroup;
  await volumes.delete("data");
  const { processes, files, mounts } = await census(daemon);
  expect([processes.length, files, mounts]).toEqual([0, [], expect.anything()]);
  expect(await readdir(join(daemon.dataDirectory, "volumes"))).toEqual([]);
});

let word = "";

async function write(text: string): Promise<void> {
  word = text;
  await sandbox.exec(
    "sh -c 'echo $0 > /data/word; head -c 300000 /dev/urandom > /data/bytes; cd /data; sha256sum word bytes > sums' " +
      text,
  );
}

async function expectWritten(): Promise<void> {
  const { stdout } = await sandbox.exec("cat /data/word; cd /data && sha256sum -c --quiet sums && echo whole");
  expect(stdout).toBe(`${word}\nwhole\n`);
}

function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: unknown) => (error instanceof AlcoveError ? error.code : String(error)),
  );
}

/** The host's disk is full: tried on a small loop file system of the test's own. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareTestImage } from "../../tools/dev/test-image.js";
import { sharedDataDirectory, TestDaemon } from "../harness/daemon.js";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const markBytes = 256 * 1_048_576;

const onLoop = test.runIf(isRoot);
const lack = isRoot ? "" : " (skipped: only root can mount a loop file system)";

let directory: string;
let data: string;
let daemon: TestDaemon;
beforeAll(async () => {
  if (!isRoot) return;
  directory = await mkdtemp(join(tmpdir(), "alcove-full-"));
  data = join(directory, "data");
  await mkdir(data);
  await writeFile(join(directory, "disk"), "");
  await truncate(join(directory, "disk"), 4 * 1_073_741_824);
  await run("mkfs.ext4", ["-q", "-m", "0", join(directory, "disk")]);
  await run("mount", ["-o", "loop", join(directory, "disk"), data]);
  // The image is the one that the other tests built: copied, since building it again takes a minute.
  await prepareTestImage(AbortSignal.timeout(600_000));
  await run("cp", ["-a", "--sparse=always", join(sharedDataDirectory, "images"), data]);
  daemon = await TestDaemon.start({
    dataDirectory: data,
    environment: { ALCOVE_FREE_SPACE_MARK_BYTES: String(markBytes) },
  });
}, 600_000);
afterAll(async () => {
  if (!isRoot) return;
  await daemon?.[Symbol.asyncDispose]();
  await run("umount", ["-l", data]);
  await rm(directory, { recursive: true });
});

onLoop(
  `A sandbox is refused below the free-space mark, with the figures, and nothing is left of it${lack}`,
  async () => {
    await (await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" })).delete();
    await fillUpTo(markBytes / 2);
    const failure = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: "DiskFull", message: expect.stringMatching(/MiB|GiB|bytes/) });
    expect(await daemon.alcove.sandboxes.count()).toBe(0);
    await rm(join(data, "filler"));
  },
  300_000,
);

onLoop(
  `A machine that the full disk holds says so, and goes on by itself when there is room${lack}`,
  async () => {
    await using sandbox = await Sandbox.create({ image: "debian", alcove: daemon.alcove, memory: "512Mi" });
    await fillUpTo(32 * 1_048_576);
    const writing = sandbox.exec(
      "dd if=/dev/urandom of=/root/big bs=1M count=200 conv=fsync; sha256sum /root/big | wc -c",
      { timeoutMs: 240_000 },
    );
    await expect
      .poll(async () => (await sandbox.info()).stateDetails.pausedReason, { timeout: 120_000 })
      .toBe("DiskFull");
    expect((await daemon.alcove.version()).pid).toBe(daemon.pid);
    await rm(join(data, "filler"));
    expect((await writing).exitCode).toBe(0);
    expect((await sandbox.info()).stateDetails.pausedReason).toBeUndefined();
  },
  300_000,
);

/** Leaves so many bytes free. */
async function fillUpTo(freeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(data);
  await run("fallocate", ["-l", String(bavail * bsize - freeBytes), join(data, "filler")]);
}

/** Builders in trouble, on the real engine: a host that is full, a guest that stands still, layers that no disk holds. */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, stat, statfs, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMicrovmEngine } from "../../packages/server/src/engines/microvm/microvm.js";
import type { MicrovmOptions } from "../../packages/server/src/engines/microvm/options.js";
import { layerOf } from "../../packages/server/src/engines/suite/layers.js";
import { findProcesses } from "../../packages/server/src/host/processes.js";
import { run } from "../../packages/server/src/host/run.js";
import { makeEmptyDisk } from "../../packages/server/src/images/disk.js";

const checkout = join(import.meta.dirname, "../..");
const guestDirectory = process.env.ALCOVE_GUEST_DIR ?? join(checkout, "build/guest");
const withSbin = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };
const isRoot = process.getuid?.() === 0;
const lack = isRoot ? "" : " (skipped: only root can mount a loop file system)";
const mebibyte = 1_048_576;
const timeoutMs = 240_000;
const signal = () => AbortSignal.timeout(timeoutMs);

let place: string;
let disk: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-b-"));
  disk = join(place, "disk.raw");
});
afterEach(() => rm(place, { recursive: true, force: true }));

type Builder = Awaited<ReturnType<ReturnType<typeof createMicrovmEngine>["builders"]["open"]>>;

/** Works with a builder of the disk, and sees that nothing of it is left, however that ends. */
async function withBuilder(
  work: (builder: Builder) => Promise<void>,
  { home = place, ...options }: Partial<MicrovmOptions> & { readonly home?: string } = {},
): Promise<void> {
  const directories = { dataDirectory: join(home, "data"), runtimeDirectory: join(place, "run") };
  const engine = createMicrovmEngine({ ...directories, guestDirectory, ...options });
  try {
    await using builder = await engine.builders.open({ id: randomUUID(), diskPath: disk }, signal());
    await work(builder);
  } finally {
    await engine.close();
    await expectNothingLeft(home);
  }
}

async function expectNothingLeft(home: string): Promise<void> {
  const names = await Promise.all([join(home, "data/builders"), join(place, "run/m")].map((path) => readdir(path)));
  expect([...names.flat(), ...(await machines())]).toEqual([]);
  expect((await stat(disk)).nlink).toBe(1);
}

function machines() {
  return findProcesses((argv) => argv.some((word) => word.includes(place) && word.includes("/data/builders/")));
}

/** Files of so many bytes each, as long as there is somebody who takes them, or so many. */
async function* files(content: Buffer, count: number, before?: (index: number) => Promise<void>) {
  for (let index = 0; index < count; index++) {
    await before?.(index);
    yield layerOf({ path: `file-${index}`, content }).subarray(0, -1_024);
  }
  yield Buffer.alloc(1_024);
}

/** A small file system of the test's own; answers how to take so much of it that so many bytes are left. */
async function onSmallHost(
  sizeMiB: number,
  work: (home: string, fill: (leave: number) => Promise<void>) => Promise<void>,
) {
  const home = join(place, "small");
  await mkdir(home);
  await writeFile(join(place, "loop"), "");
  await truncate(join(place, "loop"), sizeMiB * mebibyte);
  await run("mkfs.ext4", ["-q", "-m", "0", join(place, "loop")], { environment: withSbin });
  await run("mount", ["-o", "loop", join(place, "loop"), home]);
  disk = join(home, "disk.raw");
  try {
    await work(home, async (leave) => {
      const { bavail, bsize } = await statfs(home);
      await run("fallocate", ["-l", String(bavail * bsize - leave), join(home, "filler")]);
    });
  } finally {
    await run("umount", [home]);
  }
}

test.runIf(isRoot)(
  `a layer that would fill the host's disk ends with DiskFull, while there is room left for others${lack}`,
  async () => {
    await onSmallHost(1_024, async (home) => {
      await makeEmptyDisk({ path: disk, fileSystemId: randomUUID() }, {});
      const work = (builder: Builder) =>
        builder.apply(files(randomBytes(8 * mebibyte), 200), signal()).then(() => undefined);
      await expect(withBuilder(work, { home })).rejects.toMatchObject({
        code: "DiskFull",
        message: expect.stringContaining("host's disk is full"),
      });
      const { bavail, bsize } = await statfs(home);
      expect(bavail * bsize).toBeGreaterThan(0);
    });
  },
  timeoutMs,
);

test.runIf(isRoot)(
  `a host whose disk is full all at once ends the builder with DiskFull${lack}`,
  async () => {
    await onSmallHost(1_024, async (home, fill) => {
      await makeEmptyDisk({ path: disk, fileSystemId: randomUUID() }, {});
      const work = async (builder: Builder) => {
        const filling = async (index: number) => void (index === 1 && (await fill(16 * mebibyte)));
        await builder.apply(files(randomBytes(8 * mebibyte), 6, filling), signal());
        await builder.finish(signal());
      };
      await expect(withBuilder(work, { home })).rejects.toMatchObject({
        code: "DiskFull",
        message: expect.stringContaining("host's disk is full"),
      });
    });
  },
  timeoutMs,
);

test(
  "a machine that stands still with bytes to take is given up, and removed",
  async () => {
    let stopped = 0;
    const work = async (builder: Builder) => {
      const stopping = async (index: number) => {
        for (const { pid } of index === 1 ? await machines() : []) {
          process.kill(pid, "SIGSTOP");
          stopped++;
        }
      };
      await builder.apply(files(randomBytes(8 * mebibyte), 20, stopping), signal());
    };
    await makeEmptyDisk({ path: disk, fileSystemId: randomUUID() }, {});
    await expect(withBuilder(work, { builderStallMs: 5_000 })).rejects.toMatchObject({
      code: "GuestUnresponsive",
      message: expect.stringContaining("it took nothing of the layer for 5 s"),
    });
    expect(stopped).toBeGreaterThan(0);
  },
  timeoutMs,
);

test.each([
  ["zeros past the size of the disk", Buffer.alloc(16 * mebibyte), 20, /file-\d+.*larger than the image's disk/],
  ["more files than it has inodes for", Buffer.alloc(0), 40_000, /file-\d+.*the image's disk is full/],
])(
  "%s are refused with the entry",
  async (_, content, count, sentence) => {
    await writeFile(disk, "");
    await truncate(disk, 256 * mebibyte);
    await run("mke2fs", ["-q", "-F", "-t", "ext4", "-N", "20000", disk], { environment: withSbin });
    const work = (builder: Builder) => builder.apply(files(content, count), signal()).then(() => undefined);
    await expect(withBuilder(work)).rejects.toMatchObject({
      code: "DiskFull",
      message: expect.stringMatching(sentence),
    });
    expect((await stat(disk)).blocks * 512).toBeLessThan(128 * mebibyte);
  },
  timeoutMs,
);

import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../host/run.js";
import { sweepWorkplaces } from "./workplace.js";

/** No process has this id: it is above the kernel's limit. */
const left = "building-4194305-1-0123456789abcdef";

test.skipIf(process.getuid?.() !== 0)(
  "what is mounted in a build that was left is never removed through it (only root can mount)",
  async () => {
    const root = await mkdtemp(join(tmpdir(), "alcove-workplace-"));
    const [precious, inside] = [join(root, "precious"), join(root, "images", left, "tree/dev/shm")];
    await mkdir(precious);
    await mkdir(inside, { recursive: true });
    await writeFile(join(precious, "canary"), "alive");
    await run("mount", ["--bind", precious, inside]);
    try {
      expect(await sweepWorkplaces(join(root, "images"))).toEqual([
        expect.stringContaining(`mounted in it: ${inside}`),
      ]);
      await access(join(precious, "canary"));
    } finally {
      await run("umount", [inside]);
    }
    expect(await sweepWorkplaces(join(root, "images"))).toEqual([expect.stringContaining(`Removed ${left}`)]);
    await expect(access(join(root, "images", left))).rejects.toThrow("ENOENT");
    await access(join(precious, "canary"));
    await rm(root, { recursive: true });
  },
);

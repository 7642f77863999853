import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../host/run.js";
import { refuseLostCapabilities } from "./owners.js";

test("where capabilities would be lost without a word, the build is refused with what to do", async () => {
  const tree = await mkdtemp(join(tmpdir(), "alcove-owners-"));
  try {
    const owners = { way: "fakeroot", bootstrapMode: "fakechroot", run } as const;
    await refuseLostCapabilities(owners, tree);
    await mkdir(join(tree, "usr/sbin"), { recursive: true });
    await writeFile(join(tree, "usr/sbin/setcap"), "");
    await expect(refuseLostCapabilities(owners, tree)).rejects.toMatchObject({
      code: "ImageNotReady",
      hint: expect.stringContaining("sudo usermod --add-subuids"),
    });
    await refuseLostCapabilities({ ...owners, way: "unshare", bootstrapMode: "unshare" }, tree);
  } finally {
    await rm(tree, { recursive: true });
  }
});

import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../../host/run.js";
import { backingPath, overlayImage, writeOverlay } from "./overlay.js";

const GiB = 1024 ** 3;

describe("overlay", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "overlay-"));
    await writeFile(join(directory, "base.raw"), "what the base holds");
    await truncate(join(directory, "base.raw"), 20 * GiB);
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it("is a clean image in qemu-img's eyes, of the size asked for, on its base", async () => {
    const path = join(directory, "overlay.qcow2");
    const base = join(directory, "base.raw");
    await writeOverlay(path, { path: base, format: "raw" }, { virtualBytes: 40 * GiB });
    await run("qemu-img", ["check", "-q", path]);
    const info = JSON.parse((await run("qemu-img", ["info", "--output=json", path])).stdout);
    expect(info).toMatchObject({
      format: "qcow2",
      "virtual-size": 40 * GiB,
      "backing-filename": base,
      "backing-filename-format": "raw",
    });
    await run("qemu-io", ["-f", "qcow2", "-c", "write -P 7 64k 4k", "-c", "read -P 7 64k 4k", path]);
    await run("qemu-img", ["check", "-q", path]);
    await expect(firstBytes(base)).resolves.toBe("what the base holds");
    await expect(backingPath(path)).resolves.toBe(base);
    await expect(backingPath(base)).resolves.toBeUndefined();
  });

  it("never replaces a disk that is there", async () => {
    const path = join(directory, "overlay.qcow2");
    await writeFile(path, "precious");
    await expect(writeOverlay(path, { path: "/base", format: "raw" }, { virtualBytes: GiB })).rejects.toThrow("EEXIST");
  });

  it("refuses a size that its one table cannot hold", () => {
    expect(() => overlayImage({ path: "/base", format: "raw" }, 5000 * 1024 * GiB)).toThrow("too large");
  });
});

async function firstBytes(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(19), 0, 19, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

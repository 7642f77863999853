import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "../../../host/run.js";
import { backingPath, checkStandsAlone, overlayImage, writeOverlay } from "./overlay.js";

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

  describe("an image that shall stand alone", () => {
    /** As qemu-img makes it, with other bytes in its header. */
    async function changed(options: readonly string[], at = 0, bytes: readonly number[] = []): Promise<string> {
      const path = join(directory, "alone.qcow2");
      await run("qemu-img", ["create", "-q", "-f", "qcow2", ...options, path, "1G"]);
      await using file = await open(path, "r+");
      await file.write(Buffer.from(bytes), 0, bytes.length, at);
      return path;
    }

    it("is a qcow2 image of version 3 and of the size that is told", async () => {
      const path = await changed([]);
      await expect(checkStandsAlone(path, GiB)).resolves.toBeUndefined();
      await expect(checkStandsAlone(path, 2 * GiB)).rejects.toThrow(`its disk has ${GiB} bytes, not ${2 * GiB}`);
    });

    it("may be one that was not closed", async () => {
      await expect(checkStandsAlone(await changed([], 79, [1]), GiB)).resolves.toBeUndefined();
    });

    it("is none of an older version, of another format or cut off", async () => {
      const refused = "its disk is no qcow2 image of version 3";
      await expect(checkStandsAlone(await changed(["-o", "compat=0.10"]), GiB)).rejects.toThrow(refused);
      await expect(checkStandsAlone(await changed([], 0, [0]), GiB)).rejects.toThrow(refused);
      await expect(checkStandsAlone(join(directory, "base.raw"), 20 * GiB)).rejects.toThrow(refused);
      const short = await changed([]);
      await truncate(short, 103);
      await expect(checkStandsAlone(short, GiB)).rejects.toThrow(refused);
    });

    it("stands on no other file", async () => {
      const options = ["-b", join(directory, "base.raw"), "-F", "raw"];
      await expect(checkStandsAlone(await changed(options), GiB)).rejects.toThrow("its disk stands on another file");
    });

    it("keeps its data in itself", async () => {
      const options = ["-o", `data_file=${join(directory, "elsewhere.raw")}`];
      await expect(checkStandsAlone(await changed(options), GiB)).rejects.toThrow("features that are not known");
      await expect(checkStandsAlone(await changed([], 72, [128]), GiB)).rejects.toThrow("features that are not known");
    });

    it("is not encrypted", async () => {
      await expect(checkStandsAlone(await changed([], 35, [1]), GiB)).rejects.toThrow("its disk is encrypted");
    });
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

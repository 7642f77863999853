import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packDirectory, unpackDirectory } from "../src/local-directory.js";

test("programs of a sandbox are not unpacked as setuid, nor its directories as setgid", async () => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-sdk-"));
  try {
    await mkdir(join(directory, "in/shared"), { recursive: true });
    await writeFile(join(directory, "in/program"), "");
    await chmod(join(directory, "in/program"), 0o6755);
    await chmod(join(directory, "in/shared"), 0o2755);
    await unpackDirectory(packDirectory(join(directory, "in")), join(directory, "out"));
    expect((await stat(join(directory, "out/program"))).mode & 0o7777).toBe(0o755);
    expect((await stat(join(directory, "out/shared"))).mode & 0o7777).toBe(0o755);
  } finally {
    await rm(directory, { recursive: true });
  }
});

import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packDirectory, unpackDirectory } from "../src/local-directory.js";

test("a small archive is unpacked every time", async () => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-sdk-"));
  await mkdir(join(directory, "in"));
  await writeFile(join(directory, "in/file"), "content");
  for (let turn = 0; turn < 100; turn += 1) {
    const out = join(directory, `out${turn}`);
    await unpackDirectory(packDirectory(join(directory, "in")), out);
    expect(await readFile(join(out, "file"), "utf8")).toBe("content");
  }
  await rm(directory, { recursive: true });
});

test("an archive whose source fails is told with that", async () => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-sdk-"));
  async function* broken() {
    for await (const chunk of packDirectory(directory)) yield chunk;
    throw new Error("the source broke");
  }
  await writeFile(join(directory, "file"), "x".repeat(1_000_000));
  await expect(unpackDirectory(broken(), join(directory, "out"))).rejects.toThrow("the source broke");
  await rm(directory, { recursive: true });
});

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

import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { list } from "tar";
import { expect, test } from "vitest";
import { packDirectory, packRoot, unpackDirectory } from "../src/local-directory.js";

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

test.each(["root", "keep"] as const)("a root file system keeps its modes, and its owners are %s", async (owners) => {
  const directory = await mkdtemp(join(tmpdir(), "alcove-sdk-"));
  await writeFile(join(directory, "su"), "x");
  const isRoot = process.getuid?.() === 0;
  if (isRoot) await chown(join(directory, "su"), 12, 34);
  await chmod(join(directory, "su"), 0o4755);
  const seen: string[] = [];
  const parser = list({
    onReadEntry: ({ path, mode, uid, gid }) => seen.push(`${path} ${mode?.toString(8)} ${uid}:${gid}`),
  });
  for await (const chunk of packRoot(directory, owners)) parser.write(Buffer.from(chunk));
  parser.end();
  const kept = isRoot ? "12:34" : `${process.getuid?.()}:${process.getgid?.()}`;
  expect(seen).toContain(`./su 4755 ${owners === "keep" ? kept : "0:0"}`);
  await rm(directory, { recursive: true });
});

import { link, mkdir, mkdtemp, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bytesIn } from "./disk-use.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-disk-use-"));
  for (const name of ["one", "two"]) await mkdir(join(directory, name));
});
afterEach(() => rm(directory, { recursive: true }));

test("holes take nothing, a file with two names counts once, and a link leads nowhere", async () => {
  const file = join(directory, "one/file");
  await writeFile(file, Buffer.alloc(64 * 1024, 1));
  await truncate(file, 2 ** 30);
  await link(file, join(directory, "two/file"));
  const bytes = (await stat(file)).blocks * 512;
  expect(bytes).toBeLessThan(2 ** 20);
  const seen = new Set<string>();
  expect(await bytesIn(join(directory, "one"), seen)).toBe(bytes);
  expect(await bytesIn(join(directory, "two"), seen)).toBe(0);
  expect(await bytesIn(join(directory, "two"), new Set())).toBe(bytes);
  await mkdir(join(directory, "three"));
  await symlink(directory, join(directory, "three/all"));
  expect(await bytesIn(join(directory, "three"), new Set())).toBeLessThan(bytes);
});

test("a directory that is not there takes nothing", async () => {
  expect(await bytesIn(join(directory, "gone"), new Set())).toBe(0);
});

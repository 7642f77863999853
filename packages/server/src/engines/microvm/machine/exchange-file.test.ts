import { execFile } from "node:child_process";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { exchangeBytes } from "../../../guest/exchange/exchange.js";
import { makeExchangeFile, openExchangeFile } from "./exchange-file.js";

const isRoot = process.getuid?.() === 0;
/** Nobody's, in every system's users. */
const another = 65_534;
const refused = "not the file that was made";
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "exchange-"));
  path = join(folder, "exchange");
});

afterEach(() => rm(folder, { recursive: true }));

test("the file that was made is opened, and can be read and written", async () => {
  await makeExchangeFile(path, undefined);
  expect(await lstat(path)).toMatchObject({ size: exchangeBytes, blocks: 0, mode: 0o100_600 });
  const { handle, freeBytes } = await openExchangeFile(path, undefined);
  await handle.writev([Buffer.from("content")], 5);
  const buffer = Buffer.alloc(7);
  await handle.read(buffer, 0, 7, 5);
  expect(buffer.toString()).toBe("content");
  expect(await freeBytes()).toBeGreaterThan(0);
  await handle.close();
});

test("it is not made over what is there already", async () => {
  await writeFile(path, "old");
  await expect(makeExchangeFile(path, undefined)).rejects.toMatchObject({ code: "EEXIST" });
  await rm(path);
  await symlink(join(folder, "elsewhere"), path);
  await expect(makeExchangeFile(path, undefined)).rejects.toMatchObject({ code: "EEXIST" });
  expect(await readFile(path, "utf8").catch(() => "nothing")).toBe("nothing");
});

test("a link to another file is refused, and the other file stays as it is", async () => {
  const secret = join(folder, "secret");
  await writeFile(secret, "secret", { mode: 0o600 });
  await symlink(secret, path);
  await expect(openExchangeFile(path, undefined)).rejects.toMatchObject({ code: "ELOOP" });
  await rm(path);
  await link(secret, path);
  await expect(openExchangeFile(path, undefined)).rejects.toThrow(refused);
  expect(await readFile(secret, "utf8")).toBe("secret");
});

test("a second name of the file itself is refused", async () => {
  await makeExchangeFile(path, undefined);
  await link(path, join(folder, "second"));
  await expect(openExchangeFile(path, undefined)).rejects.toThrow(refused);
});

test("a link to the file itself, moved away, is refused", async () => {
  await makeExchangeFile(join(folder, "moved"), undefined);
  await symlink("moved", path);
  await expect(openExchangeFile(path, undefined)).rejects.toMatchObject({ code: "ELOOP" });
});

test("what is no file is refused without waiting for it", async () => {
  await promisify(execFile)("mkfifo", [path]);
  await expect(openExchangeFile(path, undefined)).rejects.toThrow(refused);
  await rm(path);
  await mkdir(path);
  await expect(openExchangeFile(path, undefined)).rejects.toMatchObject({ code: "EISDIR" });
  await rm(path, { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await expect(openExchangeFile(path, undefined)).rejects.toMatchObject({ code: "ENXIO" });
  await new Promise((resolve) => server.close(resolve));
  await expect(openExchangeFile(path, undefined)).rejects.toMatchObject({ code: "ENOENT" });
});

test.skipIf(!isRoot)("a file of another owner is refused (only root can make one)", async () => {
  await makeExchangeFile(path, another);
  expect((await lstat(path)).uid).toBe(another);
  await (await openExchangeFile(path, another)).handle.close();
  await expect(openExchangeFile(path, another - 1)).rejects.toThrow(refused);
  await expect(openExchangeFile(path, undefined)).rejects.toThrow(refused);
});

test.skipIf(!isRoot)(
  "a file of the daemon's own, moved there, is refused (only root has another user for QEMU)",
  async () => {
    await writeFile(join(folder, "database"), "precious");
    await rename(join(folder, "database"), path);
    await expect(openExchangeFile(path, another)).rejects.toThrow(refused);
    expect(await readFile(path, "utf8")).toBe("precious");
  },
);

test("what is refused is not kept open", async () => {
  await writeFile(path, "");
  await link(path, join(folder, "second"));
  for (let attempt = 0; attempt < 10; attempt++)
    await expect(openExchangeFile(path, undefined)).rejects.toThrow(refused);
  const targets = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  expect(targets.filter((target) => target.startsWith(folder))).toEqual([]);
});

test.skipIf(isRoot)("a file that may not be written is refused (root may write all)", async () => {
  await makeExchangeFile(path, undefined);
  await chmod(path, 0o400);
  await expect(openExchangeFile(path, undefined)).rejects.toMatchObject({ code: "EACCES" });
});

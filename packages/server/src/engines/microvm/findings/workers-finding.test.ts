import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { workersFinding } from "./workers-finding.js";

const soon = () => AbortSignal.timeout(30_000);

async function program(name: string, script: string): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), "alcove-"));
  onTestFinished(() => rm(place, { recursive: true }));
  const path = join(place, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

test("a host that has setpriv can start workers", async () => {
  expect(await workersFinding(soon(), { timeoutMs: 30_000 })).toMatchObject({ check: "workers", level: "ok" });
});

test("what is tried is the program that workers are", async () => {
  const setpriv = await program("setpriv", `test "$*" = "--no-new-privs -- ${process.execPath} --version"`);
  expect(await workersFinding(soon(), { setpriv, timeoutMs: 30_000 })).toMatchObject({ level: "ok" });
});

test("a host without setpriv is told what to install", async () => {
  const remedy = expect.stringContaining("util-linux");
  expect(await workersFinding(soon(), { setpriv: "/nowhere/setpriv" })).toMatchObject({ level: "error", remedy });
});

test("where setpriv fails that is told, and no remedy that helps nothing", async () => {
  const setpriv = await program("setpriv", "echo 'setpriv: failed to execute node' >&2; exit 127");
  const found = await workersFinding(soon(), { setpriv, timeoutMs: 30_000 });
  expect(found).toMatchObject({ level: "error", sentence: expect.stringContaining("failed to execute node") });
  expect(found.remedy).toBeUndefined();
});

test("a host that is too busy to tell is warned, and keeps its engine", async () => {
  const setpriv = await program("setpriv", "exec sleep 600");
  const found = await workersFinding(soon(), { setpriv, timeoutMs: 50 });
  expect(found).toMatchObject({ level: "warning", sentence: expect.stringContaining("had not ended after 50 ms") });
  expect(found.remedy).toBeUndefined();
});

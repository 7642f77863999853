/** Snippets in a real sandbox: Python from the image, Node as this machine has it. */

import { createReadStream } from "node:fs";
import { Code, CodeUnavailableError, type Sandbox } from "alcove";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";

let daemon: TestDaemon;
let sandbox: Sandbox;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
  sandbox = await daemon.alcove.sandboxes.create({ image: "debian" });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

const left = async () => (await sandbox.files.list("/tmp")).map(({ name }) => name);
const processes = async (name: string) => (await sandbox.exec(["pgrep", "-x", name])).stdout.trim();

test("Python and shell give values, outputs and failures, and leave nothing", async () => {
  const code = new Code(sandbox);
  expect(await code.run("python", "import platform\nprint('out')\n{'on': platform.system()}")).toMatchObject({
    ...{ stdout: "out\n", value: { on: "Linux" }, error: undefined, exitCode: 0 },
  });
  const failed = await code.run("python", "[][1]");
  expect(failed).toMatchObject({ exitCode: 1, error: { name: "IndexError", message: "list index out of range" } });
  expect(await code.run("shell", "cd /; pwd; exit 4")).toMatchObject({ stdout: "/\n", exitCode: 4 });
  expect(await left()).toEqual([]);
});

test("a missing interpreter is told with the image's name", async () => {
  const error = await new Code(sandbox).run("javascript", "1").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CodeUnavailableError);
  expect(error).toMatchObject({
    message: expect.stringMatching(/has no node to run javascript: its image is debian\.$/),
  });
});

test("time and signals kill what a snippet started, kept or not", async () => {
  for (const state of [false, true]) {
    await using code = new Code(sandbox, { state });
    const source = "import subprocess; subprocess.run(['sleep', '4321'])";
    expect(await code.run("python", source, { timeoutMs: 1_500 })).toMatchObject({ timedOut: true });
    expect(await processes("sleep")).toBe("");
    await expect(code.run("python", source, { signal: AbortSignal.timeout(1_500) })).rejects.toThrow();
    expect(await processes("sleep")).toBe("");
    expect((await code.run("python", "1")).value).toBe(1);
  }
  expect(await processes("python3")).toBe("");
  expect(await left()).toEqual([]);
});

test("an interpreter that is kept remembers, survives a flood, and does not outlive its Code", async () => {
  {
    await using code = new Code(sandbox, { state: true, outputLimitBytes: 1_000 });
    await code.run("python", "x = 41");
    const flood = await code.run("python", "print('y' * 20_000_000)\nx += 1");
    expect(flood).toMatchObject({ stdoutTruncated: true, error: undefined });
    expect((await code.run("python", "x")).value).toBe(42);
  }
  expect(await processes("python3")).toBe("");
});

test("a result that is no plain file, or lies, is none", async () => {
  await using code = new Code(sandbox, { state: true });
  const lie = (how: string) => `import glob, os, threading
def lie():
  while True:
    for path in glob.glob('/tmp/.alcove-*.result'):
      try:
        os.unlink(path)
        ${how}
      except OSError: pass
threading.Thread(target=lie, daemon=True).start()`;
  for (const how of ["os.symlink('/dev/zero', path)", "os.mkfifo(path)", "open(path, 'w').write('[' * 100000)"]) {
    await code.run("python", lie(how));
    for (let turn = 0; turn < 3; turn += 1) {
      const { error, value } = await code.run("python", "'mine'", { signal: AbortSignal.timeout(30_000) });
      expect(error?.name ?? value).toMatch(/^(NoResult|mine)$/);
    }
    await code.reset();
    await sandbox.exec("rm -f /tmp/.alcove-*");
  }
});

test("JavaScript runs in the sandbox's Node", async () => {
  await sandbox.files.write("/usr/local/bin/node", createReadStream(process.execPath), { mode: 0o755 });
  const code = new Code(sandbox);
  expect(
    await code.run("javascript", "console.log('out'); ({ on: process.platform })", { timeoutMs: 100_000 }),
  ).toMatchObject({
    ...{ stdout: "out\n", value: { on: "linux" }, error: undefined },
  });
});

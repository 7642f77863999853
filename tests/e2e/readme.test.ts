/** What the README shows is run, on the real engine, and prints what it says it prints. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start();
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test("the program of the README runs and prints what its comments say", { timeout: 600_000 }, async () => {
  const example = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const { code } = await transform(example, { loader: "ts", format: "esm", target: "node20" });
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], {
    cwd: root,
    env: { ...process.env, ...daemon.clientEnvironment },
  });
  expect(stdout).toBe("0 12\n\nstep 1\nstep 2\nstep 3\n0 false\n");
  const left: string[] = [];
  for await (const { id } of daemon.alcove.sandboxes.list()) left.push(id);
  expect(left).toEqual([]);
});

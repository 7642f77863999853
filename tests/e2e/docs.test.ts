/** The examples of the documentation that need a real sandbox are run in one. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { publicExamples } from "../harness/public-examples.js";

const root = join(import.meta.dirname, "../..");
const examples = (await publicExamples()).filter(({ kind }) => kind === "real");

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

test.each(examples)(
  "the example $place runs, says something, and leaves no sandbox",
  {
    timeout: 600_000,
  },
  async ({ code }) => {
    const program = await transform(code, { loader: "ts", format: "esm", target: "node20" });
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program.code], {
      cwd: root,
      env: { ...process.env, ...daemon.clientEnvironment },
    });
    expect(stdout).not.toBe("");
    expect(await daemon.alcove.sandboxes.list().toArray()).toEqual([]);
  },
);

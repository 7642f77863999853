/** What the README shows is run, on the real engine, and prints what it says it prints. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.start({ hasOwnData: true });
}, 600_000);
afterAll(() => daemon[Symbol.asyncDispose]());

const programs = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, program = ""]) => program);
const printed = [
  "0 12\n\nstep 1\nstep 2\nstep 3\n0 false\n45\n",
  "3 Running\n",
  "curl: (6) Could not resolve host: example.org\nAllow read-api\n",
];

test.for(printed.map((output, index) => [index, output] as const))(
  "program %i of the README runs and prints what its comments say",
  {
    timeout: 600_000,
  },
  async ([index, output]) => {
    expect(programs).toHaveLength(printed.length);
    const example = programs[index] ?? "";
    const { code } = await transform(example, { loader: "ts", format: "esm", target: "node20" });
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code], {
      cwd: root,
      env: { ...process.env, ...daemon.clientEnvironment },
    });
    expect(stdout).toBe(output);
    const left: string[] = [];
    for await (const { id } of daemon.alcove.sandboxes.list()) left.push(id);
    expect(left).toEqual([]);
  },
);

test("the command lines of the README do what they say", { timeout: 600_000 }, async () => {
  const shown = [...readme.matchAll(/^\$ (npx|id=|tar)(.*)$/gm)].map(([line]) => line.slice(2));
  const commands = shown.filter((line) => !/example\.com/.test(line));
  expect(commands.length).toBeGreaterThan(9);
  expect(shown.length - commands.length).toBe(2);
  const place = mkdtempSync(join(tmpdir(), "alcove-readme-"));
  try {
    await mkdir(join(place, "project"));
    await writeFile(join(place, "project/test_one.py"), oneTest);
    const npx = `npx() { shift; ${join(root, "packages/cli/bin/alcove")} "$@"; }`;
    const script = `set -euo pipefail\n${npx}\n${commands.join("\n")}\n`;
    const environment = { ...process.env, ...daemon.clientEnvironment };
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", script], { cwd: place, env: environment });
    expect(stdout).toMatch(
      /^42\n0\n[0-9a-f-]{36}\n__pycache__\ntest_one.py\n(?:[0-9a-f-]{36}\n){2}ID .*\n.*Running +debian.* run=42\n\{"status":"ok"/,
    );
    expect(stdout).toMatch(/alc_[0-9a-zA-Z]+_/);
    expect(stderr).toContain("Ran 1 test ");
  } finally {
    await rm(place, { recursive: true });
    await daemon.alcove.groups.delete("team-a", { force: true });
  }
});

const oneTest = `
import unittest
class One(unittest.TestCase):
    def test_one(self):
        self.assertEqual(1 + 1, 2)
`;

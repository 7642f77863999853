import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Machine } from "../../bench/machine.js";
import { recordSoak } from "./soak-result.js";

const machine: Machine = {
  ...{ cpu: "one", cores: 2, memoryGiB: 24, kernel: "6.1", node: "v20.20.2", qemu: "7.2", docker: "not used" },
  ...{ engine: "microvm", accelerator: "tcg", measuredAt: "2026-01-02T03:04:05Z" },
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-soak-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function record(commit: string, tests: readonly object[], on = machine): Promise<unknown> {
  const [reportPath, resultPath] = [join(directory, "report.json"), join(directory, "result.json")];
  await writeFile(reportPath, JSON.stringify({ testResults: [{ assertionResults: tests }] }));
  const machineOf = async (accelerator: string) => ({ ...on, accelerator });
  await recordSoak({ reportPath, resultPath, machineOf, commit });
  return JSON.parse(await readFile(resultPath, "utf8"));
}

const passed = (title: string, meta: object = {}) => ({ title, status: "passed", duration: 61_400, meta });

test("a run replaces what it has run, keeps the rest, and leaves out what was skipped", async () => {
  await record("first", [passed("a"), passed("b")]);
  const again = [passed("b", { accelerator: "kvm", figures: { startMs: 12 } }), { ...passed("a"), status: "skipped" }];
  const at = machine.measuredAt;
  expect(await record("second", again)).toMatchObject({
    machine: { cpu: "one", accelerator: "kvm" },
    tests: [
      { title: "a", status: "passed", seconds: 61, commit: "first", measuredAt: at },
      { title: "b", status: "passed", seconds: 61, commit: "second", figures: { startMs: 12 } },
    ],
  });
});

test("what another machine has shown does not stand beside it", async () => {
  await record("first", [passed("a")], { ...machine, cores: 64 });
  expect(await record("second", [passed("b")])).toMatchObject({ tests: [{ title: "b" }] });
});

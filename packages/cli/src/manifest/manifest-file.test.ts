import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { UsageError } from "../exit-codes.js";
import { firstManifest, readManifests } from "./manifest-file.js";

const scratch = mkdtempSync(join(tmpdir(), "alcove-m-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const path = join(scratch, "a.yaml");

function faultsOf(text: string): string[] {
  writeFileSync(path, text);
  try {
    readManifests(path);
    return [];
  } catch (failure) {
    return (failure as UsageError).message.replaceAll(`${path}:`, "").split("\n");
  }
}

test("the manifest that `alcove init` prints is valid, and names a schema for editors", () => {
  expect(faultsOf(firstManifest)).toEqual([]);
  expect(firstManifest).toMatch(/^# yaml-language-server: \$schema=/);
});

test.each([
  ["name: a\nimag: debian\n", ["2:1: There is no field imag. Did you mean image?"]],
  ["name: a\nresources:\n  cpus: 1\n", ["3:3: There is no field resources.cpus. Did you mean cpu?"]],
  [
    "name: a\negressPolicy:\n  defaultAction: Deny\n  hostRules:\n    - patern: a.test\n      action: Allow\n",
    ["5:7: There is no field egressPolicy.hostRules[0].patern. Did you mean pattern?"],
  ],
  ["image: debian\n", ["1:1: name"]],
  ["name: a\n---\nname: b\nlifecycle: 5\n", ["4:1: lifecycle"]],
  ["name: a\n---\nname: a\n", ["3:1: name a is there twice."]],
  ["name: a\nname: b\n", ["2:1: Map keys must be unique"]],
  ["name: a\nenv: { A: 1 }\n", ["2:8: env.A"]],
  ["name: a\nlabels:\n  name: b\n", ["3:3: labels.name is the manifest's own name"]],
  ["name: [a\n", ["2:1:"]],
  ["", ["There is no manifest in the file"]],
  ["just text\n", ["1:1: It"]],
])("%j is refused where it is wrong", (text, sentences) => {
  const faults = faultsOf(text).join("\n");
  for (const sentence of sentences) expect(faults).toContain(sentence);
});

test("of a line that is no YAML the first fault is told, and not what follows from it", () => {
  expect(faultsOf("$ alcove init\nname: a\nimage: debian\nlabels:\n  team: b\n").length).toBeLessThan(3);
});

test("everything that is wrong is told at once, and documents are read in their order", () => {
  expect(faultsOf("nam: a\ncpu: 1\n").length).toBeGreaterThan(1);
  writeFileSync(path, "name: one\n---\n# nothing\n---\nname: two\n");
  expect(readManifests(path).map(({ name }) => name)).toEqual(["one", "two"]);
});

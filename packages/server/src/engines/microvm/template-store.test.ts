import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { MachineHost } from "./machine-host.js";
import { makeRoots, templatesDirectory } from "./machine-paths.js";
import { templateIn } from "./template.js";
import { fingerprintTemplate } from "./template-record.js";
import { TemplateStore } from "./template-store.js";

const never = new AbortController().signal;
const record = {
  version: 1,
  image: { name: "debian", digest: "d" },
  making: "m",
  kernelVersion: "6",
  agentVersion: "1",
  fingerprint: { memory: "sha256:0", state: "sha256:0", disk: "sha256:0" },
};

let directory: string;
let host: MachineHost;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-templates-"));
  const roots = { dataDirectory: join(directory, "data"), runtimeDirectory: join(directory, "run") };
  await makeRoots(roots);
  host = { roots, installation: { platform: {} } } as unknown as MachineHost;
  for (const key of ["changed", "gone"]) {
    const template = join(templatesDirectory(roots), key);
    await mkdir(template);
    for (const name of ["memory", "state", "disk.qcow2"]) await writeFile(join(template, name), "something else");
    await writeFile(join(template, "template.json"), JSON.stringify(record));
  }
});
afterEach(() => rm(directory, { recursive: true }));

test("a template that was found good is read again only when the system says that it was changed", async () => {
  const directory = join(templatesDirectory(host.roots), "gone");
  const good = { ...record, fingerprint: await fingerprintTemplate(templateIn(directory, "gone")) };
  await writeFile(join(directory, "template.json"), JSON.stringify(good));
  const templates = new TemplateStore(host);
  await templates.recover(never);
  const told: string[] = [];
  const check = () => templates.check((sentence) => told.push(sentence), never);
  await check();
  await writeFile(join(directory, "template.json"), JSON.stringify(record));
  await check();
  expect(told).toEqual([expect.stringMatching(/^The template changed /)]);
  await writeFile(join(directory, "memory"), "s0mething else");
  await check();
  expect(told[1]).toMatch(/^The template gone had its memory and state and disk changed; /);
});

test("a template that is not what it was is told and removed, and so is one that somebody else removed", async () => {
  const templates = new TemplateStore(host);
  await templates.recover(never);
  await rm(join(templatesDirectory(host.roots), "gone"), { recursive: true });
  const told: string[] = [];
  await templates.check((sentence) => told.push(sentence), never);
  expect(told.sort()).toEqual([
    expect.stringMatching(/^The template changed .*; it is removed, and made anew at its next use\.$/s),
    "The template gone has no record; it is removed, and made anew at its next use.",
  ]);
  expect(await readdir(templatesDirectory(host.roots))).toEqual([]);
});

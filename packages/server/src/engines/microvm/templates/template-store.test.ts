import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { MachineHost } from "../machine/machine-host.js";
import { makeRoots, templatesDirectory } from "../machine/machine-paths.js";
import { writeOverlay } from "../machine/overlay.js";
import { Holdings } from "../saves/holdings.js";
import { makingOf, templateIn } from "./template.js";
import { fingerprintTemplate, readTemplateRecord } from "./template-record.js";
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
  host = {
    roots,
    holdings: new Holdings(roots),
    installation: { platform: {}, qemu: {}, assets: {} },
  } as unknown as MachineHost;
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

test("a template that is not what it was keeps its disk while something stands on it, and nothing goes on from its memory", async () => {
  const size = { cpuMillicores: 250, memoryMiB: 512, diskMiB: 1024 };
  const image = { name: "debian", digest: "d", path: "/debian.raw", warm: [] };
  const kept = { kind: "suspended", sandboxId: "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11" } as const;
  host.holdings.hold(kept, { templateKey: "changed", memory: { kind: "template" }, layers: [], image, size });
  const templates = new TemplateStore(host);
  await templates.recover(never);
  const told: string[] = [];
  await templates.check((sentence) => told.push(sentence), never);
  expect(told.find((sentence) => sentence.includes("changed"))).toMatch(/stand on its disk, which stays/);
  const changed = join(templatesDirectory(host.roots), "changed");
  expect((await readdir(changed)).sort()).toEqual(["disk.qcow2", "memory", "state"]);
  expect(await readTemplateRecord(templateIn(changed, "changed"))).toBeUndefined();
});

/** A template that is what it was, with its disk on the image. */
async function goodTemplate(key: string, image: string): Promise<void> {
  const directory = join(templatesDirectory(host.roots), key);
  await mkdir(directory);
  for (const name of ["memory", "state"]) await writeFile(join(directory, name), "good");
  await writeOverlay(join(directory, "disk.qcow2"), { path: image, format: "raw" }, { virtualBytes: 2 ** 30 });
  const fingerprint = { memory: "f", state: "f", disk: "f" };
  const written = { ...record, making: makingOf(host.installation), fingerprint };
  await writeFile(join(directory, "template.json"), JSON.stringify(written));
}

test("a template goes when its image is deleted, or another disk is in the image's place; one that a machine stands on stays", async () => {
  for (const name of ["kept.raw", "replaced.raw"]) await writeFile(join(directory, name), "a disk");
  await utimes(join(directory, "kept.raw"), 0, 0);
  const inAnHour = Date.now() / 1_000 + 3_600;
  await utimes(join(directory, "replaced.raw"), inAnHour, inAnHour);
  for (const name of ["kept", "replaced", "deleted", "used"]) await goodTemplate(name, join(directory, `${name}.raw`));
  const templates = new TemplateStore(host);
  await templates.recover(never);
  const removed = await templates.removeStale(new Set(["used"]));
  expect(removed.filter((sentence) => sentence.includes("its image is deleted")).sort()).toEqual([
    "Removed the template deleted: its image is deleted.",
    "Removed the template replaced: its image is deleted.",
  ]);
  expect((await readdir(templatesDirectory(host.roots))).sort()).toEqual(["kept", "used"]);
});

test("the templates of an image that is deleted while the daemon runs go with the next look, and nobody is alarmed", async () => {
  await writeFile(join(directory, "tools.raw"), "a disk");
  await goodTemplate("tools", join(directory, "tools.raw"));
  const templates = new TemplateStore(host);
  await templates.recover(never);
  await rm(join(directory, "tools.raw"));
  const told: string[] = [];
  await templates.check((sentence) => told.push(sentence), never);
  expect(told.filter((sentence) => sentence.includes("tools"))).toEqual([]);
  expect(await readdir(templatesDirectory(host.roots))).not.toContain("tools");
});

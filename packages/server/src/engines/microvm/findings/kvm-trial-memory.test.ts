import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { recallTrial, rememberTrial } from "./kvm-trial-memory.js";

const hourMs = 3_600_000;
const now = Date.UTC(2026, 0, 1);
let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-kvm-"));
  path = join(directory, "kvm-trial.json");
});
afterEach(() => rm(directory, { recursive: true }));

test("a KVM that failed once is tried again after an hour, and meanwhile the failure says when it was seen", async () => {
  await rememberTrial(path, "here", { works: false, seen: "no guest booted" }, now);
  expect(await recallTrial(path, "here", now + hourMs - 1)).toEqual({
    works: false,
    seen: "no guest booted, tried at 2026-01-01T00:00:00.000Z; it is tried again after an hour",
  });
  expect(await recallTrial(path, "here", now + hourMs + 1)).toBeUndefined();
  expect(await recallTrial(path, "here", now - 1)).toBeUndefined();
});

test("a KVM that works is believed for as long as host, QEMU and kernel are the same", async () => {
  await rememberTrial(path, "here", { works: true, seen: "a guest booted in 300 ms" }, now);
  expect(await recallTrial(path, "here", now + 1_000 * hourMs)).toMatchObject({ works: true });
  expect(await recallTrial(path, "elsewhere", now)).toBeUndefined();
});

test("what cannot be read, and what an older Alcove wrote, is forgotten", async () => {
  expect(await recallTrial(path, "here", now)).toBeUndefined();
  await writeFile(path, JSON.stringify({ key: "here", trial: { works: false, seen: "no guest booted" } }));
  expect(await recallTrial(path, "here", now)).toBeUndefined();
});

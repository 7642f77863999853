import { chown, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readMachineRecord, writeMachineRecord } from "./machine-record.js";

const record = {
  version: 1,
  id: "3f0c8b8e-52a7-4c6e-9d0a-0d5a4f0c7d11",
  pid: 4711,
  startTime: "12",
  hostBootId: "boot",
  groups: ["/sys/fs/cgroup/alcove/x"],
  cpuMillicores: 1_000,
  generation: 1,
  templateKey: "key",
} as const;

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "alcove-record-"));
  path = join(directory, "machine.json");
  await writeMachineRecord(path, record);
});
afterEach(() => rm(directory, { recursive: true }));

test("what was written down is read again", async () => {
  expect(await readMachineRecord(path)).toEqual(record);
});

test("a link that an escaped QEMU put in the record's place is not followed", async () => {
  await rename(path, `${path}.elsewhere`);
  await symlink(`${path}.elsewhere`, path);
  expect(await readMachineRecord(path)).toBeUndefined();
});

test("nothing is written through a link that lies where the record is being made", async () => {
  await symlink(join(directory, "victim"), `${path}.new`);
  await expect(writeMachineRecord(path, record)).rejects.toMatchObject({ code: "EEXIST" });
});

test.runIf(process.getuid?.() === 0)("a record that another user wrote counts for nothing (as root)", async () => {
  await chown(path, 0x7000_0001, 0x7000_0001);
  expect(await readMachineRecord(path)).toBeUndefined();
});

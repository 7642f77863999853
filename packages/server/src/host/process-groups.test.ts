import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../lib/backoff.js";
import { endRecordedGroups, recordGroup } from "./process-groups.js";
import { identifyProcess } from "./processes.js";

let place: string;
let record: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-groups-"));
  record = join(place, "processes");
});
afterEach(() => rm(place, { recursive: true }));
const signal = AbortSignal.timeout(10_000);

/** A leader that starts another program of its group; answers both ids. */
async function startGroup(): Promise<{ leader: number; member: number; ended: Promise<unknown> }> {
  const script = `sleep 600 & echo $! > ${join(place, "member")}; wait`;
  const child = spawn("sh", ["-c", script], { detached: true, stdio: "ignore" });
  const member = await waitFor(async () => {
    const text = await readFile(join(place, "member"), "utf8").catch(() => "");
    return text.endsWith("\n") ? Number(text) : undefined;
  }, signal);
  return { leader: child.pid ?? 0, member, ended: once(child, "exit") };
}

test("a recorded group is ended with all in it, also when its leader is gone", async () => {
  const { leader, member, ended } = await startGroup();
  recordGroup(record, leader);
  process.kill(leader, "SIGKILL");
  await ended;
  expect(await identifyProcess(member)).toBeDefined();
  await endRecordedGroups(record, signal);
  expect(await identifyProcess(member)).toBeUndefined();
});

test("what has the number of a group that is gone is left alone, and so is what the record only seems to name", async () => {
  const { leader, member, ended } = await startGroup();
  await writeFile(record, `${leader} 1\nnonsense\n-1 1\n1 x\n`);
  await appendFile(record, `${"9".repeat(30)} 1\n`);
  await endRecordedGroups(record, signal);
  expect(await identifyProcess(member)).toBeDefined();
  recordGroup(record, leader);
  await endRecordedGroups(record, signal);
  await ended;
  expect(await identifyProcess(member)).toBeUndefined();
});

test("without a record there is nothing to end", async () => {
  await endRecordedGroups(join(place, "none"), signal);
});

/**
 * Process groups that a later daemon may have to end. Each is recorded by its leader's id and start time when it begins.
 * The kernel gives a group's number to no new process while one of the group is left; so where a process with that id
 * began at another time, the group is gone, and what has its number now is somebody else's.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { killProcess, type ProcessIdentity } from "./processes.js";

/** Notes the group that a process that has just been started leads. */
export function recordGroup(path: string, leader: number): void {
  const seen = parseStat(readStatNow(leader));
  if (seen !== undefined) appendFileSync(path, `${leader} ${seen.startTime}\n`, { mode: 0o600 });
}

/** Kills whatever is left of the recorded groups. */
export async function endRecordedGroups(path: string, signal: AbortSignal): Promise<void> {
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  for (const line of lines) {
    const [, leader, startTime] = /^(\d{1,10}) (\d{1,20})$/.exec(line) ?? [];
    if (leader === undefined || startTime === undefined) continue;
    for (const member of await membersOf({ pid: Number(leader), startTime })) await killProcess(member, signal);
  }
}

async function membersOf(leader: ProcessIdentity): Promise<readonly ProcessIdentity[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const seen = await Promise.all(pids.map(async (pid) => ({ pid, stat: parseStat(await readStat(pid)) })));
  const holder = seen.find(({ pid }) => pid === leader.pid)?.stat;
  if (holder !== undefined && holder.startTime !== leader.startTime) return [];
  return seen.flatMap(({ pid, stat }) =>
    stat !== undefined && stat.group === leader.pid && BigInt(stat.startTime) >= BigInt(leader.startTime)
      ? [{ pid, startTime: stat.startTime }]
      : [],
  );
}

function parseStat(text: string): { readonly group: number; readonly startTime: string } | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [group, startTime] = [fields[2], fields[19]];
  return group === undefined || startTime === undefined ? undefined : { group: Number(group), startTime };
}

function readStatNow(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return "";
  }
}

function readStat(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
}

/**
 * Processes that may outlive the daemon. A process id alone is used again by the kernel; with its start time it names one
 * process for as long as the host is up.
 */
import { readdir, readFile } from "node:fs/promises";
import { waitFor } from "../lib/backoff.js";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after the host's start, as in /proc/PID/stat: decimal text. */
  readonly startTime: string;
}

/** The process that has this id now; undefined when there is none, or only its remains. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === "Z" || state === "X") return undefined;
  return { pid, startTime };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await identifyProcess(identity.pid))?.startTime === identity.startTime;
}

/** Kills the process if it is still the same one, and answers when it is gone. */
export async function killProcess(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
  if (!(await isAlive(identity))) return;
  try {
    process.kill(identity.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  await processGone(identity, signal);
}

/** Fulfils when the process is gone. Its own children are told of by the kernel; for others looking is the only way. */
export async function processGone(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
  await waitFor(async () => ((await isAlive(identity)) ? undefined : true), signal, { firstMs: 1, lastMs: 50 });
}

/** Every process whose command line satisfies the test, arguments given one by one. */
export async function findProcesses(
  matches: (argv: readonly string[]) => boolean,
): Promise<readonly (ProcessIdentity & { readonly argv: readonly string[] })[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const argv = (await readProc(`/proc/${pid}/cmdline`))?.split("\0") ?? [];
      if (!matches(argv)) return undefined;
      const identity = await identifyProcess(pid);
      return identity && { ...identity, argv };
    }),
  );
  return found.filter((each) => each !== undefined);
}

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** Processor time that the process has used, in ms; NaN when it is gone. The kernel counts in hundredths of a second. */
export async function processCpuMs({ pid }: ProcessIdentity): Promise<number> {
  const stat = (await readProc(`/proc/${pid}/stat`)) ?? "";
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/**
 * Where one build happens: a directory beside the finished images, and a scratch directory for mmdebstrap. Both carry the
 * id of the process that builds in their name, so a later daemon knows which of them nobody works in any more.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { mountsBelow } from "../host/mounts.js";
import { endRecordedGroups, recordGroup } from "../host/process-groups.js";
import { identifyProcess, isAlive, type ProcessIdentity } from "../host/processes.js";
import { type BootstrapMode, chooseBootstrapMode, removeLeft } from "./bootstrap-mode.js";

export interface Workplace {
  readonly directory: string;
  /** In a user namespace mmdebstrap is another user: it reaches /var/tmp, but not a home or data directory. */
  readonly scratch: string;
  readonly mode: BootstrapMode;
  /** For every program that is started here: a later daemon ends those that this one could not. */
  readonly onStart: (pid: number) => void;
}

/** For work that makes no files of other owners. */
export interface PlainWorkplace extends AsyncDisposable {
  readonly directory: string;
  readonly onStart: (pid: number) => void;
}

const scratchParent = "/var/tmp";
const namePattern = /^building-(?<pid>\d+)-(?<startTime>\d+)-[0-9a-f]{16}$/;

export async function openPlainWorkplace(images: string): Promise<PlainWorkplace> {
  const directory = join(images, await newName());
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return {
    directory,
    onStart: (pid) => recordGroup(recordOf(directory), pid),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

export async function openWorkplace(images: string, signal: AbortSignal): Promise<Workplace> {
  const name = await newName();
  const directory = join(images, name);
  const scratch = scratchOf(name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await mkdir(scratch, { mode: 0o755 });
  const mode = await chooseBootstrapMode(signal);
  return { directory, scratch, mode, onStart: (pid) => recordGroup(recordOf(directory), pid) };
}

/**
 * Removes a workplace, the files of other owners in it too, but never through a mount: what is mounted in a tree that
 * packages were installed into is the host's /dev/shm and the like.
 */
export async function closeWorkplace({ directory, scratch, mode }: Omit<Workplace, "onStart">): Promise<void> {
  for (const path of [scratch, directory]) {
    const mounted = await mountsBelow(path);
    if (mounted.length > 0) throw new Error(`${path} is left, since this is mounted in it: ${mounted.join(", ")}.`);
    await removeLeft(mode, path);
  }
}

/** Removes the workplaces of builders that are gone, and ends what they left running. Answers with a sentence for each. */
export async function sweepWorkplaces(images: string): Promise<readonly string[]> {
  const names = await readdir(images).catch(() => []);
  const told: string[] = [];
  for (const name of names) {
    const builder = builderOf(name);
    if (builder === undefined || (await isAlive(builder))) continue;
    const directory = join(images, name);
    await endRecordedGroups(recordOf(directory), AbortSignal.timeout(10_000));
    const mode = await chooseBootstrapMode(AbortSignal.timeout(10_000));
    const left = `a build that process ${builder.pid} left unfinished`;
    await closeWorkplace({ directory, scratch: scratchOf(name), mode }).then(
      () => told.push(`Removed ${name}, ${left}.`),
      (error: Error) => told.push(`Could not remove ${name}, ${left}: ${error.message}`),
    );
  }
  return told;
}

async function newName(): Promise<string> {
  const builder = await identifyProcess(process.pid);
  if (builder === undefined) throw new Error(`/proc has nothing about this process, ${process.pid}`);
  return `building-${builder.pid}-${builder.startTime}-${randomBytes(8).toString("hex")}`;
}

function scratchOf(name: string): string {
  return join(scratchParent, `alcove-${name}`);
}

function builderOf(name: string): ProcessIdentity | undefined {
  const { pid, startTime } = namePattern.exec(name)?.groups ?? {};
  return pid === undefined || startTime === undefined ? undefined : { pid: Number(pid), startTime };
}

/** The process groups of its programs. */
function recordOf(directory: string): string {
  return join(directory, "processes");
}

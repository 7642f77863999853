/** Counts what a daemon's sandboxes hold of the host, so that a test can see that nothing is left. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface Census {
  readonly processes: readonly string[];
  readonly sockets: readonly string[];
  readonly files: readonly string[];
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
}

export interface Places {
  readonly dataDirectory: string;
  readonly runtimeDirectory: string;
}

export const nothing: Census = { processes: [], sockets: [], files: [], mounts: [], cgroups: [] };

export async function census(places: Places): Promise<Census> {
  return {
    processes: await machineProcesses(places),
    sockets: await entries(join(places.runtimeDirectory, "m")),
    files: await entries(join(places.dataDirectory, "sandboxes")),
    mounts: await mounts(places),
    cgroups: await cgroups("/sys/fs/cgroup", homeOf(places)),
  };
}

/** QEMU processes whose command line names our sandboxes. */
async function machineProcesses({ dataDirectory, runtimeDirectory }: Places): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await entries("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
    const isMachine = command.includes("qemu-system") || command.includes("host spawn");
    if (isMachine && [`${dataDirectory}/sandboxes`, runtimeDirectory].some((path) => command.includes(path))) {
      found.push(`${pid} ${command.slice(0, 80)}`);
    }
  }
  return found;
}

async function mounts({ dataDirectory, runtimeDirectory }: Places): Promise<string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return lines.filter((line) => line.includes(`${dataDirectory}/`) || line.includes(`${runtimeDirectory}/`));
}

/** The group that holds a daemon's groups, named after its data directory. */
function homeOf({ dataDirectory }: Places): string {
  return `alcove-${createHash("sha256").update(dataDirectory).digest("hex").slice(0, 12)}`;
}

/** Groups below the home, in every hierarchy. */
async function cgroups(directory: string, home: string, isInside = false): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory()) continue;
    const path = join(directory, entry.name);
    if (isInside) found.push(path);
    found.push(...(await cgroups(path, home, isInside || entry.name === home)));
  }
  return found;
}

async function entries(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

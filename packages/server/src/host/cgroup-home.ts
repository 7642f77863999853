/**
 * Finds where this process may make control groups. Version 2: a group beside or above our own, since one that holds
 * processes cannot hand controllers on. Version 1: below our own group, in each controller's hierarchy.
 */
import { access, constants, mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

export type Controller = "cpu" | "memory" | "pids";
export const controllers: readonly Controller[] = ["cpu", "memory", "pids"];

export interface CgroupHome {
  readonly version: 1 | 2;
  /** The home's directory of each controller; with version 2 they are the same. */
  readonly directories: Readonly<Record<Controller, string>>;
}

export interface Hierarchy {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly mountPoint: string;
  /** Our own group, as a directory. */
  readonly own: string;
}

/** Makes the home if need be. Throws an error whose message says what stands in the way. */
export async function findCgroupHome(name: string): Promise<CgroupHome> {
  const hierarchies = parseHierarchies(
    await readFile("/proc/self/mountinfo", "utf8"),
    await readFile("/proc/self/cgroup", "utf8"),
  );
  const unified = hierarchies.find(({ version }) => version === 2);
  const problems: string[] = [];
  if (unified !== undefined && (await offers(unified.mountPoint))) {
    for (const parent of homesToTry(unified)) {
      const problem = await makeUnifiedHome(parent, unified.own, name);
      if (problem === undefined) return { version: 2, directories: everywhere(join(parent, name)) };
      problems.push(problem);
    }
  }
  return makeOldHome(hierarchies, name, problems);
}

/** Reads the kernel's two tables: what is mounted where, and where this process is in each hierarchy. */
export function parseHierarchies(mountInfo: string, ownGroups: string): readonly Hierarchy[] {
  const own = new Map(ownGroups.trim().split("\n").flatMap(parseOwnGroup));
  return mountInfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", mountPoint = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    const names = type === "cgroup2" ? [""] : options.split(",").filter((option) => own.has(option));
    const group = own.get(names[0] ?? "");
    if (group === undefined) return [];
    const below = root !== "/" && group.startsWith(root) ? group.slice(root.length) : group;
    return [
      {
        version: type === "cgroup2" ? 2 : 1,
        controllers: names,
        mountPoint,
        own: resolve(mountPoint, `.${below}`),
      } as const,
    ];
  });
}

/** `4:cpu,cpuacct:/path`: the path of each controller. */
function parseOwnGroup(line: string): readonly (readonly [string, string])[] {
  const [, names = "", ...path] = line.split(":");
  return names.split(",").map((name) => [name, path.join(":")] as const);
}

async function offers(group: string): Promise<boolean> {
  const offered = (await readFile(join(group, "cgroup.controllers"), "utf8").catch(() => "")).trim().split(" ");
  return controllers.every((controller) => offered.includes(controller));
}

/** From the top, where a machine's group is nobody's child, down to the parent of our own group. */
function homesToTry({ mountPoint, own }: Hierarchy): readonly string[] {
  const homes: string[] = [];
  for (let group = own; group.startsWith(`${mountPoint}/`); group = dirname(group)) homes.unshift(dirname(group));
  return homes.length === 0 ? [mountPoint] : homes;
}

/** Undefined when it worked, else why not. */
async function makeUnifiedHome(parent: string, own: string, name: string): Promise<string | undefined> {
  const home = join(parent, name);
  const wanted = controllers.map((controller) => `+${controller}`).join(" ");
  try {
    await access(join(commonAncestor(parent, own), "cgroup.procs"), constants.W_OK);
    if (!(await handsOn(parent))) await writeFile(join(parent, "cgroup.subtree_control"), wanted);
    await mkdir(home, { recursive: true });
    await writeFile(join(home, "cgroup.subtree_control"), wanted);
    return undefined;
  } catch (error) {
    await rmdir(home).catch(() => undefined);
    return error instanceof Error ? error.message : String(error);
  }
}

async function handsOn(group: string): Promise<boolean> {
  const handed = (await readFile(join(group, "cgroup.subtree_control"), "utf8")).trim().split(" ");
  return controllers.every((controller) => handed.includes(controller));
}

/** A process moves between groups only for one who may write to the group that holds both. */
function commonAncestor(one: string, other: string): string {
  let ancestor = one;
  while (other !== ancestor && !other.startsWith(`${ancestor}/`)) ancestor = dirname(ancestor);
  return ancestor;
}

async function makeOldHome(
  hierarchies: readonly Hierarchy[],
  name: string,
  problems: readonly string[],
): Promise<CgroupHome> {
  const directoryOf = (controller: Controller) => {
    const hierarchy = hierarchies.find((each) => each.version === 1 && each.controllers.includes(controller));
    if (hierarchy === undefined) {
      throw new Error(problems.at(-1) ?? `the host has no control groups for ${controller}`);
    }
    return join(hierarchy.own, name);
  };
  const directories = { cpu: directoryOf("cpu"), memory: directoryOf("memory"), pids: directoryOf("pids") };
  for (const directory of new Set(Object.values(directories))) await mkdir(directory, { recursive: true });
  return { version: 1, directories };
}

function everywhere(directory: string): Record<Controller, string> {
  return { cpu: directory, memory: directory, pids: directory };
}

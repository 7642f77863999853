/** What the host offers besides QEMU: room on its disk, and ways to shut a process in. */
import { access, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { freeSpace } from "../../../host/free-space.js";
import type { Finding } from "../../engine.js";
import type { MachineHost } from "../machine/machine-host.js";

const GiB = 1024 ** 3;
/** An image, a template or two, and what a few sandboxes write. */
const comfortableBytes = 10 * GiB;
const leastBytes = 2 * GiB;

/** File systems by the number that statfs gives them. */
const fileSystems = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlayfs"],
  [0x6969, "nfs"],
  [0x2fc12fc1, "zfs"],
  [0x65735546, "fuse"],
]);
const unsuitable = new Map([
  ["tmpfs", "it is in memory, so images, templates and sandboxes' disks are too, and a restart loses them"],
  ["overlayfs", "it copies a file as a whole when it is first opened for writing"],
  ["nfs", "its files are slow to map, and locks do not hold"],
  ["fuse", "it may be slow, and may not hold what was written durably"],
]);

export async function examineDisk(directory: string): Promise<Finding> {
  const check = "disk";
  const { freeBytes } = await freeSpace(directory);
  const name = await fileSystemOf(directory);
  const free = `${(freeBytes / GiB).toFixed(1)} GiB are free in ${directory} (${name})`;
  const remedy = "ALCOVE_DATA_DIR=/path/on/a/larger/disk npx alcove up";
  if (freeBytes < leastBytes)
    return { check, level: "error", sentence: `Only ${free}; ${leastBytes / GiB} GiB are the least.`, remedy };
  if (freeBytes < comfortableBytes) return { check, level: "warning", sentence: `Only ${free}.`, remedy };
  const why = unsuitable.get(name);
  if (why !== undefined)
    return { check, level: "warning", sentence: `${free}, and ${name} is a poor place: ${why}.`, remedy };
  return { check, level: "ok", sentence: `${free}.` };
}

async function fileSystemOf(directory: string): Promise<string> {
  try {
    const { type } = await statfs(directory);
    return fileSystems.get(type) ?? `type 0x${type.toString(16)}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(directory) === directory) throw error;
    return fileSystemOf(dirname(directory));
  }
}

export async function namespacesFinding(namespaces: MachineHost["namespaces"]): Promise<Finding> {
  const check = "namespaces";
  if (namespaces === "root") {
    const sentence = "Every sandbox's QEMU runs as a user of its own, and sees neither the network nor others' files.";
    return { check, level: "ok", sentence };
  }
  if (namespaces === "user") {
    const sentence = "Every sandbox's QEMU sees neither the network nor others' files, but all run as the same user.";
    return { check, level: "ok", sentence };
  }
  const sentence = "Namespaces cannot be made, so whoever broke out of QEMU would reach what this user reaches.";
  return { check, level: "warning", sentence, remedy: await namespaceRemedy() };
}

async function namespaceRemedy(): Promise<string> {
  const switches = [
    ["kernel.apparmor_restrict_unprivileged_userns", "0"],
    ["kernel.unprivileged_userns_clone", "1"],
  ] as const;
  for (const [name, value] of switches) {
    const there = await access(`/proc/sys/${name.replaceAll(".", "/")}`).then(
      () => true,
      () => false,
    );
    if (there) return `sudo sysctl -w ${name}=${value}`;
  }
  return "sudo sysctl -w user.max_user_namespaces=10000";
}

/** The first line of what went wrong, as a sentence. */
export function sentenceFrom(what: string, error: unknown): string {
  const why = (error instanceof Error ? error.message : String(error)).split("\n")[0]?.slice(0, 300) ?? "";
  return `${what}: ${why.replace(/\.$/, "")}.`;
}

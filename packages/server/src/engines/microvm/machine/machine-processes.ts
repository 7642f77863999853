/**
 * Machines found by their processes' command lines, where nothing else is known of them. Every user of the host can run a
 * process with any command line: it is believed only as far as that process itself, and a sandbox's id, go.
 */
import { basename, dirname } from "node:path";
import { SandboxId } from "@alcove/contract";
import { findProcesses } from "../../../host/processes.js";

/** Those whose files lie below the directory. */
export function findMachineProcesses(directory: string) {
  return findProcesses((argv) => isMachineIn(argv, directory));
}

/** QEMU, or what becomes QEMU: not an editor or a backup that reads the same files. */
export function isMachineIn(argv: readonly string[], directory: string): boolean {
  const isQemu = basename(argv[0] ?? "").startsWith("qemu-system-");
  const becomesQemu = argv[1] === "host" && argv[2] === "spawn";
  return (isQemu || becomesQemu) && argv.some((argument) => argument.includes(`${directory.replaceAll(",", ",,")}/`));
}

/** The sandbox whose disk the command line names; undefined where it is not directly in the directory, or no sandbox's id. */
export function sandboxIdIn(argv: readonly string[], directory: string): string | undefined {
  const disk = argv
    .map((argument) => /file=(.*)\/overlay\.qcow2/s.exec(argument)?.[1])
    .find((found) => found !== undefined);
  if (disk === undefined) return undefined;
  const place = disk.replaceAll(",,", ",");
  return dirname(place) === directory && SandboxId.safeParse(basename(place)).success ? basename(place) : undefined;
}

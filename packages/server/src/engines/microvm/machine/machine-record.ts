/** What is written down about a machine, so that a daemon that comes later finds it again. Written before it takes calls. */
import type { Stats } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { openPlainFile } from "../../../host/plain-file.js";
import { Footing } from "./footing.js";

const MachineRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  pid: z.number().int().positive(),
  /** With the pid it names one process (host/processes.ts). */
  startTime: z.string(),
  hostBootId: z.string(),
  uid: z.number().int().optional(),
  /** Its control groups' directories. */
  groups: z.array(z.string()).readonly(),
  cpuMillicores: z.number().int(),
  generation: z.number().int(),
  templateKey: z.string(),
  /** Missing where an older daemon started it: such a machine runs on, and is not suspended. */
  footing: Footing.optional(),
  /** A layer that its disk is just becoming, with a new disk on top; whether it has, QEMU can tell. */
  layering: z.uuid().optional(),
});
export type MachineRecord = Readonly<z.infer<typeof MachineRecord>>;

/** Not flushed to the disk: after a power cut there is no machine left to find. */
export async function writeMachineRecord(path: string, record: MachineRecord): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600, flag: "wx" });
  await rename(`${path}.new`, path);
}

/** Of a machine that runs. */
export async function rewriteMachineRecord(
  path: string,
  change: { readonly footing?: Footing; readonly layering: string | undefined },
): Promise<void> {
  const record = await readMachineRecord(path);
  if (record === undefined) throw new Error(`there is no record at ${path}`);
  await rm(`${path}.new`, { force: true });
  await writeMachineRecord(path, { ...record, ...change });
}

const longestRecordBytes = 256 * 1024;

/**
 * Undefined where there is none, or none that can be read. It lies in a directory of QEMU's, which may have been escaped, and
 * names a process that we shall end: so only a file that this user wrote counts, which a user of its own cannot make.
 */
export async function readMachineRecord(path: string): Promise<MachineRecord | undefined> {
  try {
    const isOurs = ({ uid, size }: Stats) => uid === process.getuid?.() && size <= longestRecordBytes;
    await using file = await openPlainFile(path, "read", isOurs);
    return MachineRecord.parse(JSON.parse(await file.readFile("utf8")));
  } catch {
    return undefined;
  }
}

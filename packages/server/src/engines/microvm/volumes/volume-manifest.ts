/** What is written down of a volume: the disk that counts, and the layers below it. Whoever reads it sees the old manifest or the new. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import { writeDurably } from "../../../host/write-durably.js";
import { type Roots, volumesDirectory } from "../machine/machine-paths.js";
import { readManifestFile } from "../saves/manifest-file.js";

const Volume = z.object({
  version: z.literal(1),
  id: z.uuid(),
  bytes: z.number().int().positive(),
  /** The disk that is written to. */
  head: z.uuid(),
  /** What the head stands on, the topmost first. They are never written again; snapshots and other volumes may stand on them too. */
  layers: z.array(z.uuid()).max(1_000).readonly().default([]),
});
export type Volume = Readonly<z.infer<typeof Volume>>;

export const unfinishedPrefix = ".making-";

export const volumeDirectory = (roots: Roots, id: string) => join(volumesDirectory(roots), id);
const manifestIn = (directory: string) => join(directory, "volume.json");

/** Nobody but us writes into its directory. */
export function headPath(roots: Roots, { id, head }: Pick<Volume, "id" | "head">): string {
  return join(volumeDirectory(roots, id), headName(head));
}

export const headName = (head: string) => `${head}.qcow2`;

export async function volumeIds(roots: Roots): Promise<readonly string[]> {
  return (await readdir(volumesDirectory(roots))).filter((name) => !name.startsWith(unfinishedPrefix));
}

export async function writeVolume(directory: string, volume: Omit<Volume, "version">): Promise<void> {
  await writeDurably(manifestIn(directory), JSON.stringify({ version: 1, ...volume } satisfies Volume));
}

/** Rejects where nothing whole is there. */
export async function readVolume(roots: Roots, id: string): Promise<Volume> {
  const volume = await findVolume(roots, id);
  if (volume !== undefined) return volume;
  throw new AlcoveError("EngineUnavailable", `The disk of the volume ${id} cannot be read.`, {
    hint: "The daemon's log says why. What is lost is lost: delete the volume, and make a new one.",
  });
}

/** Undefined where nothing is there, or nothing whole. Rejects where the host cannot tell now, and where a newer Alcove wrote it. */
export function findVolume(roots: Roots, id: string): Promise<Volume | undefined> {
  return readManifestFile(manifestIn(volumeDirectory(roots, id)), Volume);
}

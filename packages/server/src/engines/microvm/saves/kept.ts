/** What is kept of a machine that does not run, as a directory: its manifest says what it is, and is written last. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { syncPath, writeDurably } from "../../../host/write-durably.js";
import { undone } from "../../../lib/undo.js";
import type { Kept } from "../../engine.js";
import { Footing } from "../machine/footing.js";
import {
  type KeptPaths,
  keptPathsIn,
  type Roots,
  snapshotsDirectory,
  suspendedDirectory,
} from "../machine/machine-paths.js";
import { readManifestFile } from "./manifest-file.js";

const Manifest = z.object({
  version: z.literal(1),
  id: z.uuid(),
  mode: z.enum(["Memory", "Disk"]),
  footing: Footing,
  /** The memory that it stands on is all of it: no pages are put over it. */
  isWholeMemory: z.boolean().optional(),
  /** Of `makingOf`: what was saved goes on only where this is the same. */
  making: z.string(),
  tscKhz: z.number().optional(),
  generation: z.number().int(),
  hostname: z.string().optional(),
  isFrozen: z.boolean(),
  pausedMs: z.number(),
});
export type Manifest = Readonly<z.infer<typeof Manifest>>;

export const unfinishedPrefix = ".making-";

export function keptPaths(roots: Roots, kept: Kept): KeptPaths {
  return keptPathsIn(
    kept.kind === "suspended"
      ? join(suspendedDirectory(roots), kept.sandboxId)
      : join(snapshotsDirectory(roots), kept.snapshotId),
  );
}

/** Fills a directory that nobody finds; it gets its name when all of it is on the disk. What is there already stays, and the making fails. */
export async function makeKept(
  finished: KeptPaths,
  fill: (unfinished: KeptPaths) => Promise<Manifest>,
): Promise<Manifest> {
  const place = dirname(finished.directory);
  const unfinished = keptPathsIn(join(place, `${unfinishedPrefix}${randomBytes(6).toString("hex")}`));
  await mkdir(unfinished.directory, { mode: 0o711 });
  let isNamed = false;
  try {
    const manifest = await fill(unfinished);
    await writeDurably(unfinished.manifest, JSON.stringify(manifest));
    await rename(unfinished.directory, finished.directory);
    isNamed = true;
    await syncPath(place);
    return manifest;
  } catch (error) {
    if (isNamed) throw await undone(error, () => removeKept(finished));
    throw await undone(error, () => rm(unfinished.directory, { recursive: true, force: true }));
  }
}

/** Of what is kept already: whoever reads it sees the old one or the new. */
export async function rewriteManifest(paths: KeptPaths, manifest: Manifest): Promise<void> {
  await writeDurably(paths.manifest, JSON.stringify(manifest));
}

/**
 * Undefined where nothing is kept, or nothing that is whole. Rejects where the host cannot tell now, and where a newer Alcove wrote it:
 * what is kept must not count as lost for that.
 */
export function readManifest(paths: KeptPaths): Promise<Manifest | undefined> {
  return readManifestFile(paths.manifest, Manifest);
}

/** Under a name that nobody finds: half of it must not be taken for all of it. */
export async function removeKept(paths: KeptPaths): Promise<void> {
  const unfinished = join(dirname(paths.directory), `${unfinishedPrefix}${randomBytes(6).toString("hex")}`);
  try {
    await rename(paths.directory, unfinished);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  // It is gone with its name; what of it cannot be removed now goes with the next daemon's start.
  await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
}

/** Names of what is there, half-made things too. */
export async function listKept(
  directory: string,
): Promise<{ readonly ids: readonly string[]; readonly halfMade: readonly string[] }> {
  const names = await readdir(directory);
  return {
    ids: names.filter((name) => !name.startsWith(unfinishedPrefix)),
    halfMade: names.filter((name) => name.startsWith(unfinishedPrefix)),
  };
}

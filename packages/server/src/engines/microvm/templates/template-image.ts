/**
 * Whether a template can still be started from. A sandbox on record keeps its image, so a template whose image is gone has
 * nobody; and one that is older than the disk at its image's path was made of what lay there before.
 */
import { stat } from "node:fs/promises";
import { backingPath } from "../machine/overlay.js";
import type { Template } from "./template.js";

/** True where it cannot be told: a template that is damaged is found by its fingerprint. */
export async function hasItsImage({ disk, state }: Template): Promise<boolean> {
  const [image, madeAt] = await Promise.all([
    backingPath(disk).catch(() => undefined),
    modifiedAt(state).catch(() => undefined),
  ]);
  if (image === undefined || madeAt === undefined) return true;
  try {
    return (await modifiedAt(image)) <= madeAt;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

async function modifiedAt(path: string): Promise<number> {
  return (await stat(path)).mtimeMs;
}

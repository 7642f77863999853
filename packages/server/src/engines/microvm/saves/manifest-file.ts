/** Reading the manifest of what is kept, such as a snapshot or a volume. */
import { readFile } from "node:fs/promises";
import { z } from "zod";

/** Of version 1. Undefined where nothing is there, or nothing whole. Rejects where the host cannot tell now, and where a newer Alcove wrote it. */
export async function readManifestFile<T>(path: string, shape: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  const found = text === undefined ? undefined : contentOf(text);
  if (OfNewer.safeParse(found).success)
    throw new Error(`a newer Alcove wrote ${path}: what it tells of is for that one`);
  return shape.safeParse(found).data;
}

const OfNewer = z.looseObject({ version: z.int().min(2) });

function contentOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

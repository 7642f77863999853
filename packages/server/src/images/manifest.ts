/** The manifest of a built image: written last, so a directory with one is complete. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const Manifest = z.strictObject({
  name: z.string(),
  recipeDigest: z.string(),
  /** sha256 of the recipe, the packages that went in and the file system's id. */
  digest: z.string(),
  builtAt: z.iso.datetime(),
  sizeBytes: z.int(),
  packages: z.array(z.string()),
});
export type Manifest = z.infer<typeof Manifest>;

export interface StoredImage extends Manifest {
  readonly directory: string;
  readonly diskPath: string;
}

export const diskName = "disk.raw";
export const manifestName = "manifest.json";

/** The newest complete image of this name and recipe; undefined when there is none. */
export async function findImage(images: string, name: string, recipeDigest: string): Promise<StoredImage | undefined> {
  const folders = await readdir(images).catch(nothingYet);
  const stored = await Promise.all(folders.map((folder) => readImage(join(images, folder))));
  return stored
    .filter((image) => image !== undefined)
    .filter((image) => image.name === name && image.recipeDigest === recipeDigest)
    .sort((a, b) => b.builtAt.localeCompare(a.builtAt))[0];
}

async function readImage(directory: string): Promise<StoredImage | undefined> {
  const content = await readFile(join(directory, manifestName), "utf8")
    .then(JSON.parse)
    .catch(() => undefined);
  const manifest = Manifest.safeParse(content);
  return manifest.success ? { ...manifest.data, directory, diskPath: join(directory, diskName) } : undefined;
}

function nothingYet(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}

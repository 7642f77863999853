/**
 * A recipe: how an image is made, as data.
 *
 * To add an image: 1. a folder `images/<name>` with a `recipe.json` of this shape  2. nothing else; the first use builds it.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ImageName } from "@alcove/contract";
import { z } from "zod";

const word = /^[a-z0-9][a-z0-9+.-]*$/;
const absolutePattern = z.string().regex(/^\/[^\n]*$/, "must be an absolute path, with * for any part");

export const Recipe = z.strictObject({
  description: z.string(),
  /** The Debian release, by its code name. */
  suite: z.string().regex(word),
  components: z.array(z.string().regex(word)).min(1),
  /** Debian packages beside the essential ones and apt. */
  packages: z.array(z.string().regex(word)),
  /** Paths that packages do not get to install, in dpkg's pattern. */
  leaveOut: z.array(absolutePattern).default([]),
  /** Exceptions to `leaveOut`. */
  keep: z.array(absolutePattern).default([]),
  /** Of every program of a sandbox; written to /etc/environment too. */
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().regex(/^[^\n"]*$/)),
  /** Programs to run once while a template is made, so that their pages are warm. */
  warm: z.array(z.array(z.string()).min(1)),
  /** Free space that a build needs. */
  buildSpaceMiB: z.int().positive(),
});
export type Recipe = z.infer<typeof Recipe>;

export interface NamedRecipe extends Recipe {
  readonly name: string;
  /** sha256 of the recipe and of the way it is built. */
  readonly recipeDigest: string;
}

/** Goes up when the same recipe begins to make a different disk. */
const builderVersion = 2;

/** The recipes of a directory, one folder each, by name. */
export async function readRecipes(directory: string): Promise<ReadonlyMap<string, NamedRecipe>> {
  const folders = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const recipes = await Promise.all(folders.map((folder) => readRecipe(directory, folder.name)));
  return new Map(recipes.map((recipe) => [recipe.name, recipe]));
}

async function readRecipe(directory: string, folder: string): Promise<NamedRecipe> {
  const path = join(directory, folder, "recipe.json");
  const name = ImageName.parse(folder);
  const parsed = Recipe.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (!parsed.success) throw new Error(`${path} is no recipe: ${z.prettifyError(parsed.error)}`);
  return { ...parsed.data, name, recipeDigest: digestOf(parsed.data) };
}

function digestOf(recipe: Recipe): string {
  return createHash("sha256").update(JSON.stringify({ builderVersion, recipe })).digest("hex");
}

/**
 * The catalogue: names that every group may start from, and where each comes from. Recipes are folders beside
 * catalogue.json; that file, and the administrator's own, name repositories of a registry, whose host is configured.
 *
 * To add a name: a line in images/catalogue.json, or in the file that the configuration key `catalogueFile` names.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { faultWords, ImageName } from "@alcove/contract";
import { z } from "zod";
import { type NamedRecipe, readRecipes } from "./recipe.js";

const CatalogueFile = z.record(
  ImageName,
  z.strictObject({
    description: z.string().max(500),
    /** Repository and tag or digest; with a host, or of the configured `catalogueRegistry`. */
    imageUrl: z.string().min(1).max(1_024),
  }),
);

export interface CatalogueEntry {
  readonly name: string;
  readonly description: string;
  readonly origin:
    | { readonly kind: "recipe"; readonly recipe: NamedRecipe }
    | { readonly kind: "registry"; readonly imageUrl: string };
  /** Changes when the name begins to mean something else: what was built before counts as missing then. */
  readonly fingerprint: string;
}

/** Recipes first; a name in the administrator's file replaces what comes with Alcove. */
export async function readCatalogue(
  recipesDirectory: string,
  file?: string,
): Promise<ReadonlyMap<string, CatalogueEntry>> {
  const shipped = await readFileEntries(join(recipesDirectory, "catalogue.json"), { mayBeMissing: true });
  const own = file === undefined ? [] : await readFileEntries(file, { mayBeMissing: false });
  const recipes = [...(await readRecipes(recipesDirectory)).values()].map(recipeEntry);
  return new Map([...shipped, ...recipes, ...own].map((entry) => [entry.name, entry]));
}

function recipeEntry(recipe: NamedRecipe): CatalogueEntry {
  const { name, description, recipeDigest } = recipe;
  return { name, description, origin: { kind: "recipe", recipe }, fingerprint: recipeDigest };
}

async function readFileEntries(path: string, { mayBeMissing }: { mayBeMissing: boolean }): Promise<CatalogueEntry[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" && mayBeMissing) return "{}";
    throw new Error(`The catalogue ${path} cannot be read: ${error.message}`, { cause: error });
  });
  const parsed = CatalogueFile.safeParse(parse(path, text), { error: faultWords });
  if (!parsed.success) throw new Error(`${path} is no catalogue: ${z.prettifyError(parsed.error)}`);
  return Object.entries(parsed.data).map(([name, { description, imageUrl }]) => ({
    ...{ name, description, origin: { kind: "registry", imageUrl } },
    fingerprint: createHash("sha256").update(imageUrl).digest("hex"),
  }));
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

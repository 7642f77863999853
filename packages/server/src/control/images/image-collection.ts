/** Contents are kept while a name, a sandbox on record, a build or a recipe of the catalogue stands for them. */
import type { Collected, Images } from "../../images/image.js";
import type { Store } from "../../store/store.js";
import type { ImageBuilds } from "./image-builds.js";

export async function collectContents(
  { images, store }: { readonly images: Images; readonly store: Store },
  builds: ImageBuilds,
): Promise<Collected> {
  const recipes = new Set(
    [...images.catalogue.values()].flatMap(({ origin }) =>
      origin.kind === "recipe" ? [origin.recipe.recipeDigest] : [],
    ),
  );
  return images.collect(
    (key) => recipes.has(key) || builds.isHeld(key) || store.images.hasContent(key) || store.imageUsers.hasContent(key),
  );
}

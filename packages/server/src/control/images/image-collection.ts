/** Contents are kept while a name, a sandbox on record, a build or a recipe of the catalogue stands for them. */
import type { Collected, Images } from "../../images/image.js";
import type { Store } from "../../store/store.js";
import type { ImageBuilds } from "./image-builds.js";

interface Sources {
  readonly images: Images;
  readonly store: Store;
}

export function collectContents({ images, store }: Sources, builds: ImageBuilds): Promise<Collected> {
  return images.collect(contentsWanted({ images, store }, builds, store.images.hasContent));
}

export function contentsWanted(
  { images, store }: Sources,
  builds: ImageBuilds,
  isNamed: (key: string) => boolean,
): (key: string) => boolean {
  const recipes = new Set(
    [...images.catalogue.values()].flatMap(({ origin }) =>
      origin.kind === "recipe" ? [origin.recipe.recipeDigest] : [],
    ),
  );
  return (key) => recipes.has(key) || builds.isHeld(key) || isNamed(key) || store.imageUsers.hasContent(key);
}

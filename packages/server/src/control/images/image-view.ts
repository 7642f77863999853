/** An image as the API shows it: what is on record, or that its name in the catalogue has nothing built yet. */
import type { Image } from "@alcove/contract";
import type { CatalogueEntry } from "../../images/catalogue.js";
import { type Content, emptyConfig, recipeConfig } from "../../images/image.js";
import { type ImageRecord, publicGroup } from "../../store/images.js";

export interface Step {
  readonly message: string;
  readonly progress: number;
}

export function toImage(record: ImageRecord, { step, entry }: { step?: Step; entry?: CatalogueEntry } = {}): Image {
  const { name, state, message, hint, digest, sizeBytes, source, config, labels, createdAt, builtAt } = record;
  return {
    ...{ name, state, message, digest, sizeBytes, source, config, labels },
    isPublic: record.group === publicGroup,
    progress: state === "Ready" ? 1 : 0,
    createdAt: new Date(createdAt).toISOString(),
    ...(hint === undefined ? {} : { hint }),
    ...(builtAt === undefined ? {} : { builtAt: new Date(builtAt).toISOString() }),
    ...(entry === undefined ? {} : { description: entry.description }),
    ...(state === "Building" ? step : {}),
  };
}

/** A name of the catalogue that no record tells of: its recipe may have been built all the same. */
export function catalogueImage(entry: CatalogueEntry, content: Content | undefined): Image {
  const image = {
    name: entry.name,
    description: entry.description,
    isPublic: true,
    source: sourceOf(entry),
    config: catalogueConfig(entry),
    labels: {},
  } as const;
  if (content === undefined) {
    const message = "Not built yet; the first use builds it.";
    return { ...image, state: "Missing", message, progress: 0, digest: "", sizeBytes: 0 };
  }
  const { digest, sizeBytes, builtAt } = content;
  return { ...image, state: "Ready", message: readyMessage, progress: 1, digest, sizeBytes, builtAt };
}

/** What is known of it before there is a record. */
export function catalogueConfig({ origin }: CatalogueEntry): Image["config"] {
  return origin.kind === "recipe" ? recipeConfig(origin.recipe) : emptyConfig;
}

export const readyMessage = "Built.";

export function sourceOf({ origin }: CatalogueEntry): Image["source"] {
  return origin.kind === "recipe" ? { kind: "recipe" } : { kind: "registry", imageUrl: origin.imageUrl };
}

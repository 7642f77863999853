/** Builds that an earlier daemon did not finish: begun anew where all that they need is on record, else over. */
import { type ImageRecord, publicGroup } from "../../store/images.js";
import type { ControlContext } from "../context.js";
import { collectContents } from "./image-collection.js";
import { pullAgain } from "./image-sources.js";

export async function takeUpImages(context: ControlContext): Promise<void> {
  const { imageBuilds, imageRegister, store } = context;
  for (const record of store.images.all()) {
    if (record.state !== "Building" || imageBuilds.isRunning(record)) continue;
    if (canBeginAnew(record)) pullAgain(context, record);
    else imageRegister.put(ended(record));
  }
  await collectContents(context, imageBuilds);
}

/** Credentials and bytes that were sent are not kept. */
function canBeginAnew({ group, source }: ImageRecord): boolean {
  return group !== publicGroup && source.kind === "registry" && !source.isAuthenticated && !source.isOverridden;
}

function ended(record: ImageRecord): ImageRecord {
  const message = "The daemon ended during the build.";
  const hint = "Build, pull or import the image again.";
  return { ...record, state: record.contentKey === "" ? "Failed" : "Ready", message, hint };
}

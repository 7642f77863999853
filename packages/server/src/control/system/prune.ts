/** Takes away what nobody needs any more, or only says what that is. */
import type { PrunedItem, PrunedSystem, PruneSystem } from "@alcove/contract";
import { expiredSnapshots } from "../../lifecycle/snapshot-retention.js";
import { type ImageRecord, publicGroup } from "../../store/images.js";
import type { ControlContext } from "../context.js";
import { collectContents, contentsWanted } from "../images/image-collection.js";
import { isUnused } from "../images/images.js";
import { isShownWhole, usedIn } from "../snapshots/snapshot-finding.js";
import { pruneTemplates } from "../templates/templates.js";

/** Snapshots first: what they stood on may be nobody's then. */
export async function pruneSystem(
  context: ControlContext,
  { dryRun = false, allImages = false, snapshotsOlderThanSeconds }: PruneSystem,
  signal: AbortSignal,
): Promise<PrunedSystem> {
  const items = [
    ...(snapshotsOlderThanSeconds === undefined
      ? []
      : await pruneSnapshots(context, snapshotsOlderThanSeconds, dryRun)),
    ...(await pruneUnusedTemplates(context, dryRun, signal)),
    ...(await pruneImages(context, { allImages, dryRun })),
    ...((await context.engine.leftovers?.({ remove: !dryRun }, signal)) ?? []),
  ];
  return { items, freedBytes: items.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function pruneSnapshots(context: ControlContext, keptSeconds: number, dryRun: boolean): Promise<PrunedItem[]> {
  const { snapshotRegister, snapshotRemovals, store } = context;
  const shown = store.snapshots.all().filter(isShownWhole);
  const expired = expiredSnapshots(shown, { keptSeconds }, { now: Date.now(), isUsed: usedIn(context) });
  if (!dryRun) {
    for (const record of expired) snapshotRegister.markDeleted(record);
    await snapshotRemovals.collect();
  }
  return expired.map(({ id: name, group, ownBytes: bytes }) => ({ kind: "snapshots", name, group, bytes }));
}

async function pruneUnusedTemplates(context: ControlContext, dryRun: boolean, signal: AbortSignal) {
  const templates = await pruneTemplates(context, dryRun, signal);
  return templates.map(({ key: name, bytes }): PrunedItem => ({ kind: "templates", name, bytes }));
}

async function pruneImages(
  context: ControlContext,
  { allImages, dryRun }: { readonly allImages: boolean; readonly dryRun: boolean },
): Promise<PrunedItem[]> {
  const { imageBuilds, imageRegister, images, store } = context;
  const unused = allImages ? store.images.all().filter((record) => isUnusedOwn(context, record)) : [];
  if (!dryRun) for (const record of unused) imageRegister.remove(record);
  const going = new Set(unused.map(({ group, name }) => `${group}/${name}`));
  const isNamed = (key: string) =>
    store.images.all().some(({ group, name, contentKey }) => contentKey === key && !going.has(`${group}/${name}`));
  const isWanted = contentsWanted({ images, store }, imageBuilds, isNamed);
  const contents = (await images.list()).filter(({ key }) => !isWanted(key));
  if (!dryRun) await collectContents({ images, store }, imageBuilds);
  const named = unused.map(({ name, group }): PrunedItem => ({ kind: "images", name, group, bytes: 0 }));
  return [...named, ...contents.map(({ key, sizeBytes }) => contentItem(key, sizeBytes))];
}

function contentItem(name: string, bytes: number): PrunedItem {
  return { kind: "images", name, bytes };
}

/** The catalogue's names are the administrator's configuration. */
function isUnusedOwn(context: ControlContext, record: ImageRecord): boolean {
  return record.group !== publicGroup && isUnused(context, record);
}

/** What Alcove keeps on the disk of its host. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { GroupName } from "./names.js";

const Nothing = z.strictObject({});

export const StorageKind = z.enum([
  "images",
  "templates",
  "snapshots",
  "suspended",
  "running",
  "layers",
  "memories",
  "volumes",
  "builds",
]);

/** By kind; what has several names, or holes, is counted as the file system does, and once. */
export const Storage = z
  .object({
    kinds: z.array(
      z.object({
        /** images, templates that sandboxes start from, memory of snapshots and of suspended sandboxes, disks of running ones, layers of disks and whole memories that those stand on, builds of images. */
        kind: StorageKind,
        count: z.number().int(),
        bytes: z.number(),
        /** How many of them something stands on, where that is counted. */
        inUse: z.number().int().exactOptional(),
      }),
    ),
    /** Of the file system that holds the data directory. */
    freeBytes: z.number(),
    totalBytes: z.number(),
    /** Below so many free nothing new is made. */
    freeMarkBytes: z.number(),
  })
  .meta({ id: "Storage" });
export type Storage = z.infer<typeof Storage>;

export const getStorage = endpoint({
  id: "getStorage",
  method: "GET",
  path: "/v1/system/storage",
  access: "admin",
  summary: "What is kept on the host's disk, by kind",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: Storage,
});

const PrunedKind = z.enum(["images", "templates", "snapshots", "layers", "memories"]);

/** Something that is of no use to anybody any more. */
export const PrunedItem = z
  .object({
    kind: PrunedKind,
    /** Of an image its name, or the key of a content that has none; of a snapshot its id. */
    name: z.string(),
    group: GroupName.exactOptional(),
    /** Of its own on the host's disk: what others share with it stays. */
    bytes: z.number(),
  })
  .meta({ id: "PrunedItem" });
export type PrunedItem = z.infer<typeof PrunedItem>;

export const PruneSystem = z
  .strictObject({
    /** Only answers what would go. */
    dryRun: z.boolean().optional(),
    /** Also images that have a name and that no sandbox and no snapshot stands on, of every group. */
    allImages: z.boolean().optional(),
    /** Also snapshots of every group that are older, but for those that are pinned or in use. */
    snapshotsOlderThanSeconds: z.number().int().min(0).max(3_155_760_000).optional(),
  })
  .meta({ id: "PruneSystem" });
export type PruneSystem = z.infer<typeof PruneSystem>;

export const PrunedSystem = z
  .object({ items: z.array(PrunedItem), freedBytes: z.number() })
  .meta({ id: "PrunedSystem" });
export type PrunedSystem = z.infer<typeof PrunedSystem>;

export const pruneSystem = endpoint({
  id: "pruneSystem",
  method: "POST",
  path: "/v1/system/prune",
  access: "admin",
  summary: "Remove what nobody needs any more",
  description:
    "Images without a name that nothing stands on, templates that nothing stands on, layers and memories that were left behind. What is being made is left alone.",
  params: Nothing,
  query: Nothing,
  body: PruneSystem,
  result: PrunedSystem,
  errors: ["EngineUnavailable"],
});

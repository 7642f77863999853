/** What Alcove keeps on the disk of its host. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";

const Nothing = z.strictObject({});

export const StorageKind = z.enum([
  "images",
  "templates",
  "snapshots",
  "suspended",
  "running",
  "layers",
  "memories",
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

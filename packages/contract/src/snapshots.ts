/** Snapshots: what a sandbox was at one instant, kept by itself; what starts from one, goes back to one, or becomes an image. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Image, NewImageName } from "./images.js";
import {
  GroupName,
  hasControl,
  LabelChanges,
  LabelSelector,
  Labels,
  SandboxId,
  SnapshotId,
  VolumeName,
  wholeNumber,
} from "./names.js";
import { BatchResult } from "./sandbox-batches.js";
import { StopMode } from "./sandbox-state.js";
import { creationErrors, GroupParams, NoQuery, Sandbox, SandboxParams } from "./sandboxes.js";

/** Words for people: 1 to 128 characters, no control characters. Several snapshots may have the same. */
const SnapshotName = z
  .string()
  .min(1)
  .max(128, "must have at most 128 characters")
  .refine((name) => !hasControl(name), "must hold no control characters");

/**
 * Creating: being taken. Deleting: it goes when the sandboxes that are starting from it have started. Lost: it is on record, and
 * its bytes are not on this host, as after a restore of the server's backup; nothing starts from it, and it can be deleted.
 */
export const SnapshotStatus = z.enum(["Creating", "Ready", "Deleting", "Lost"]).meta({ id: "SnapshotStatus" });
export type SnapshotStatus = z.infer<typeof SnapshotStatus>;

export const Snapshot = z
  .object({
    id: SnapshotId,
    group: GroupName,
    name: z.string().optional(),
    labels: Labels,
    status: SnapshotStatus,
    /** Of which sandbox; that one may be gone. */
    sandboxId: SandboxId,
    /** The snapshot that this sandbox came from; it may be gone. */
    parentId: SnapshotId.optional(),
    createdAt: z.iso.datetime(),
    /** Memory: disk, memory and running processes. Disk: what starts from it boots. */
    mode: z.enum(["Memory", "Disk"]),
    /** False: some process could not be made to stand still while it was taken, and may notice. */
    isFrozen: z.boolean(),
    /** How long the sandbox stood still for it. */
    pausedMs: z.number(),
    /** What starts from it has this size. */
    resources: z.object({ cpu: z.string(), memory: z.string(), disk: z.string() }),
    /** The image that its sandbox was created from. */
    image: z.string(),
    /** Those that its sandbox had, as they were at that instant: what starts from it gets volumes of its own. Left out where there are none. */
    volumes: z
      .array(z.object({ volumeName: VolumeName, size: z.string(), mountpoint: z.string(), readOnly: z.boolean() }))
      .optional(),
    /** Of its own on the host's disk: gone with it. */
    ownBytes: z.number().int(),
    /** Of images, templates and snapshots that it stands on with others. */
    sharedBytes: z.number().int(),
    /** Sandboxes that came from it: the oldest, at most 100. */
    usedBy: z.array(SandboxId),
  })
  .meta({ id: "Snapshot" });
export type Snapshot = z.infer<typeof Snapshot>;

export const TakeSnapshot = z
  .strictObject({ name: SnapshotName.optional(), labels: Labels.optional() })
  .meta({ id: "TakeSnapshot" });
export type TakeSnapshot = z.infer<typeof TakeSnapshot>;

const path = "/v1/groups/:group/snapshots";
const box = "/v1/groups/:group/sandboxes/:id";
const SnapshotParams = z.strictObject({ group: GroupName, snapshotId: SnapshotId });
const takingErrors = [
  "SandboxNotFound",
  "SandboxNotRunning",
  "EngineUnavailable",
  "DiskFull",
  "GuestUnresponsive",
  "Timeout",
] as const;
const filter = { labels: LabelSelector.exactOptional(), sandboxId: SandboxId.exactOptional() };

export const takeSnapshot = endpoint({
  id: "takeSnapshot",
  method: "POST",
  path: `${box}/snapshot`,
  access: "user",
  summary: "Take a snapshot of a sandbox",
  description:
    "Of a running one with its memory, its processes and what is on its volumes; it stands still for a moment and goes on. Of one that was stopped, what is kept of it. A client that goes away ends nothing.",
  params: SandboxParams,
  query: NoQuery,
  body: TakeSnapshot,
  result: Snapshot,
  status: 201,
  errors: [...takingErrors, "QuotaExceeded"],
});

export const listSnapshots = endpoint({
  id: "listSnapshots",
  method: "GET",
  path,
  access: "reader",
  summary: "List snapshots, newest first",
  description: "To walk over all of them, name the last one of each page as `before`.",
  params: GroupParams,
  query: z.strictObject({
    ...filter,
    /** Only those taken before this one. */
    before: SnapshotId.exactOptional(),
    /** From 1. */
    page: wholeNumber(1, 1_000_000).exactOptional(),
    /** Default 100. */
    pageSize: wholeNumber(1, 1_000).exactOptional(),
  }),
  body: "none",
  result: z.array(Snapshot),
  errors: ["SnapshotNotFound"],
});

export const countSnapshots = endpoint({
  id: "countSnapshots",
  method: "GET",
  path: `${path}/count`,
  access: "reader",
  summary: "Count snapshots",
  params: GroupParams,
  query: z.strictObject(filter),
  body: "none",
  result: z.object({ count: z.number().int() }),
});

export const getSnapshot = endpoint({
  id: "getSnapshot",
  method: "GET",
  path: `${path}/:snapshotId`,
  access: "reader",
  summary: "Read one snapshot",
  params: SnapshotParams,
  query: NoQuery,
  body: "none",
  result: Snapshot,
  errors: ["SnapshotNotFound"],
});

export const updateSnapshot = endpoint({
  id: "updateSnapshot",
  method: "PATCH",
  path: `${path}/:snapshotId`,
  access: "user",
  summary: "Change a snapshot's labels",
  description: "Merged into the labels that are there: a value sets one, null takes it away. At most 64 may be left.",
  params: SnapshotParams,
  query: NoQuery,
  body: z.strictObject({ labels: LabelChanges }),
  result: Snapshot,
  errors: ["SnapshotNotFound"],
  isIdempotent: true,
});

export const exportSnapshot = endpoint({
  id: "exportSnapshot",
  method: "GET",
  path: `${path}/:snapshotId/archive`,
  access: "user",
  summary: "Export a snapshot as one file",
  description:
    "A tar archive of its own disk, whole, its memory and its devices, with a manifest of their checksums. It holds all that the sandbox had, secrets in its memory too. The answer begins when the files are written; the snapshot stays until it has been read.",
  params: SnapshotParams,
  query: NoQuery,
  body: "none",
  result: "bytes",
  resultTypes: ["application/x-tar"],
  isAudited: true,
  errors: ["SnapshotNotFound", "SnapshotIncompatible", "EngineUnavailable", "DiskFull"],
});

export const importSnapshot = endpoint({
  id: "importSnapshot",
  method: "PUT",
  path: `${path}/archive`,
  access: "user",
  summary: "Import a snapshot that was exported",
  description:
    "Makes a new snapshot of the archive, with an id of its own. Every byte is checked before anything of it is seen: what is altered, breaks off or has more in it is refused, and leaves nothing. Whether its memory goes on on this host is found out when something starts from it: SnapshotIncompatible, and `from: Disk` boots from its disk.",
  params: GroupParams,
  query: z.strictObject({
    /** Instead of the one in the archive. */
    name: SnapshotName.exactOptional(),
    /** Instead of those in the archive, as a selector writes them. */
    labels: LabelSelector.exactOptional(),
  }),
  body: "bytes",
  result: Snapshot,
  status: 201,
  errors: ["SnapshotIncompatible", "QuotaExceeded", "EngineUnavailable", "DiskFull", "Timeout"],
  isIdempotent: false,
});

export const deleteSnapshot = endpoint({
  id: "deleteSnapshot",
  method: "DELETE",
  path: `${path}/:snapshotId`,
  access: "user",
  summary: "Delete a snapshot",
  description:
    "Sandboxes that came from it go on: bytes that they share with it stay until they are gone. Deleting one that is gone, or never was, succeeds too.",
  params: SnapshotParams,
  query: NoQuery,
  body: "none",
  result: "none",
});

export const forkSandbox = endpoint({
  id: "forkSandbox",
  method: "POST",
  path: `${box}/fork`,
  access: "user",
  summary: "Copy a running sandbox",
  description:
    "Disk, memory and running processes of one instant, `count` times. FreezeRefused where a process resists the freeze. Each copy is renewed as every start is: entropy, clock, host name, machine id; and has volumes of its own, which go with it. With `seed` the random numbers of copy n begin with HMAC-SHA-512(seed, `alcove fork n`), n from 0, so that the same fork can be made again. Those that cannot be created are told one by one.",
  params: SandboxParams,
  query: NoQuery,
  body: z.strictObject({
    count: z.number().int().min(1).max(100),
    labels: Labels.optional(),
    seed: z
      .string()
      .regex(/^(?:[0-9a-f]{2}){32,512}$/, "must be 64 to 1024 hexadecimal digits, in pairs and lower case")
      .optional(),
  }),
  result: BatchResult,
  errors: [...new Set([...takingErrors, ...creationErrors, "FreezeRefused"] as const)],
});
export type ForkSandbox = z.infer<typeof forkSandbox.body>;

export const rollbackSandbox = endpoint({
  id: "rollbackSandbox",
  method: "POST",
  path: `${box}/rollback`,
  access: "user",
  summary: "Take a sandbox back to one of its snapshots",
  description:
    "In place: it keeps its id, labels and secrets, and is the next generation. What it was is given up at once, whether it runs or is stopped; answers when it runs. Of its own snapshots, and of the one that it came from. Its volumes go back too: VolumeInUse where it has others now than it had. With `from: Disk` it boots from the snapshot's disk, whether its memory was kept or not. Where it fails the sandbox is Stopped, and `resume` tries again.",
  params: SandboxParams,
  query: NoQuery,
  body: z.strictObject({ snapshotId: SnapshotId, from: StopMode.optional() }),
  result: Sandbox,
  errors: [
    ...takingErrors,
    "VolumeInUse",
    "SnapshotNotFound",
    "SnapshotIncompatible",
    "SandboxDisabled",
    "SecretsUnreadable",
    "QuotaExceeded",
    "CapacityExceeded",
  ],
});

export type RollbackSandbox = z.infer<typeof rollbackSandbox.body>;

export const commitSandbox = endpoint({
  id: "commitSandbox",
  method: "POST",
  path: `${box}/commit`,
  access: "user",
  summary: "Make an image of a sandbox's disk",
  description:
    "Answers with state Building; events and the image itself show the progress. The disk of one instant, what programs had written flushed to it; memory and volumes stay behind. Entrypoint, cmd and working directory are the sandbox's, its environment and secrets do not come along. Sandboxes of the image need a disk as large as this one's.",
  params: SandboxParams,
  query: NoQuery,
  body: z.strictObject({ name: NewImageName, labels: Labels.optional() }),
  result: Image,
  status: 202,
  errors: [...takingErrors, "QuotaExceeded", "ImageBusy"],
});
export type CommitSandbox = z.infer<typeof commitSandbox.body>;

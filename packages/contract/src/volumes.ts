/** Volumes of a group: disks that outlive sandboxes. Shapes follow ACA's. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { GroupName, LabelSelector, Labels, SandboxId, VolumeName } from "./names.js";
import { GroupParams, NoQuery, wakeErrors } from "./sandboxes.js";
import { parseMiB } from "./sizes.js";
import { VolumeMount } from "./volume-mounts.js";

const leastMiB = 64;
const mostMiB = 1_048_576;

/** Of a volume: 64Mi to 1Ti. */
const VolumeSize = z
  .string()
  .regex(/^\d{1,7}(?:\.\d{1,3})?(?:Mi|Gi|Ti)$/, "must be a size such as 512Mi or 20Gi")
  .refine((text) => parseMiB(text) >= leastMiB, `must be at least ${leastMiB}Mi`)
  .refine((text) => parseMiB(text) <= mostMiB, "must be at most 1Ti");

/** A DataDisk is a disk of its own, which one sandbox has at a time. */
export const VolumeType = z.enum(["DataDisk"]).meta({ id: "VolumeType" });

export const CreateVolume = z
  .strictObject({
    name: VolumeName,
    /** Default DataDisk. */
    type: VolumeType.optional(),
    /** So much can be on it, its file system's own tables among that: 64Mi to 1Ti. It takes of the host's disk what is written. */
    size: VolumeSize,
    labels: Labels.optional(),
  })
  .meta({ id: "CreateVolume" });
export type CreateVolume = z.infer<typeof CreateVolume>;

export const Volume = z
  .object({
    name: VolumeName,
    group: GroupName,
    type: VolumeType,
    /** What was given, normalised: MiB. */
    size: z.string(),
    labels: Labels,
    /** Which sandboxes have it, and where. */
    attachments: z.array(
      z.object({
        sandboxId: SandboxId,
        mountpoint: z.string(),
        readOnly: z.boolean(),
        /** Attaching and Detaching: it is being done. */
        state: z.enum(["Attaching", "Attached", "Detaching"]),
      }),
    ),
    /** It came with a fork or a snapshot, for this sandbox, and is deleted with it; whoever takes it away from there keeps it. */
    ownerSandboxId: SandboxId.optional(),
    /** What it takes of the host's disk: in the answer of the call that reads one volume. */
    usage: z.object({ usedBytes: z.number() }).optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Volume" });
export type Volume = z.infer<typeof Volume>;

const path = "/v1/groups/:group/volumes";
const params = z.strictObject({ group: GroupName, volumeName: VolumeName });
const ofSandbox = "/v1/groups/:group/sandboxes/:id/volumes";
const attachErrors = [
  "SandboxNotFound",
  "VolumeNotFound",
  "VolumeInUse",
  "EngineUnavailable",
  "GuestUnresponsive",
  ...wakeErrors,
] as const;

export const createVolume = endpoint({
  id: "createVolume",
  method: "POST",
  path,
  access: "user",
  summary: "Make a volume",
  description: "Its size counts as disk in the group's quota, however little is on it.",
  params: GroupParams,
  query: NoQuery,
  body: CreateVolume,
  result: Volume,
  errors: ["VolumeExists", "QuotaExceeded", "DiskFull", "EngineUnavailable"],
});

export const listVolumes = endpoint({
  id: "listVolumes",
  method: "GET",
  path,
  access: "reader",
  summary: "List the group's volumes, by name",
  params: GroupParams,
  query: z.strictObject({ labels: LabelSelector.optional() }),
  body: "none",
  result: z.array(Volume),
});

export const getVolume = endpoint({
  id: "getVolume",
  method: "GET",
  path: `${path}/:volumeName`,
  access: "reader",
  summary: "Read one volume, with what it takes of the host's disk",
  params,
  query: NoQuery,
  body: "none",
  result: Volume,
  errors: ["VolumeNotFound", "EngineUnavailable"],
});

export const ForkVolume = z
  .strictObject({
    /** Of the copy. */
    destinationVolumeName: VolumeName,
    /** Of the copy. */
    labels: Labels.optional(),
  })
  .meta({ id: "ForkVolume" });
export type ForkVolume = z.infer<typeof ForkVolume>;

export const forkVolume = endpoint({
  id: "forkVolume",
  method: "POST",
  path: `${path}/:volumeName/fork`,
  access: "user",
  summary: "Make a copy of a volume",
  description:
    "Refused while a sandbox has it. Its time is in proportion to what is on it, where the host's file system does not share it.",
  params,
  query: NoQuery,
  body: ForkVolume,
  result: Volume,
  errors: ["VolumeNotFound", "VolumeInUse", "VolumeExists", "QuotaExceeded", "DiskFull", "EngineUnavailable"],
});

export const deleteVolume = endpoint({
  id: "deleteVolume",
  method: "DELETE",
  path: `${path}/:volumeName`,
  access: "user",
  summary: "Delete a volume with everything on it",
  description: "Refused while a sandbox has it.",
  params,
  query: NoQuery,
  body: "none",
  result: "none",
  errors: ["VolumeNotFound", "VolumeInUse", "EngineUnavailable"],
});

export const attachVolume = endpoint({
  id: "attachVolume",
  method: "POST",
  path: ofSandbox,
  access: "user",
  summary: "Give a running sandbox a volume",
  description:
    "Answers when it is mounted. A DataDisk belongs to one sandbox at a time, which has at most two of them.",
  params: z.strictObject({ group: GroupName, id: SandboxId }),
  query: NoQuery,
  body: VolumeMount,
  result: Volume,
  errors: ["VolumeBusy", ...attachErrors],
});

export const detachVolume = endpoint({
  id: "detachVolume",
  method: "DELETE",
  path: `${ofSandbox}/:volumeName`,
  access: "user",
  summary: "Take a volume away from a sandbox",
  description: "Refused while programs use files on it. What they wrote is on the volume when this answers.",
  params: z.strictObject({ group: GroupName, id: SandboxId, volumeName: VolumeName }),
  query: NoQuery,
  body: "none",
  result: "none",
  errors: ["VolumeBusy", ...attachErrors],
});

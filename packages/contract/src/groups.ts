/**
 * Groups: who shares sandboxes, images, quota and bill. Shapes follow ACA's sandbox groups; quota and usage are Alcove's own.
 */
import * as z from "zod";
import { EgressPolicy } from "./egress.js";
import { endpoint } from "./endpoint.js";
import { LifecyclePolicy } from "./lifecycle.js";
import { EgressPolicyId, Flag, GroupName, LabelKey, LabelSelector, wholeNumber } from "./names.js";
import { DiskImageRef, GroupParams, NoQuery } from "./sandboxes.js";
import { Resources, TotalQuantity } from "./sizes.js";

const TagValue = z
  .string()
  .max(256, "must have at most 256 characters")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  .regex(/^[^\u0000-\u001f\u007f]*$/, "must hold no control characters");

const mostTags = 50;

/** At most 50, as Azure's; keys as those of labels, values at most 256 characters. */
export const Tags = z
  .record(LabelKey, TagValue)
  .refine((tags) => Object.keys(tags).length <= mostTags, `must have at most ${mostTags} entries`)
  .meta({ id: "Tags" });
export type Tags = z.infer<typeof Tags>;

const defaults = {
  /** The image of sandboxes whose creation names none. */
  diskImage: DiskImageRef,
  /** Their size, where the creation leaves it out: each of cpu, memory and disk by itself. */
  resources: Resources,
  /** When they are suspended and deleted, where the creation leaves it out: each of its parts by itself. */
  lifecycle: LifecyclePolicy,
  /** What they may reach, where the creation leaves it out; without it nothing. */
  egressPolicy: EgressPolicy,
  /** The name of one of the group's policies, in place of a policy that is copied. */
  egressPolicyId: EgressPolicyId,
};

export const GroupDefaults = z
  .strictObject({
    diskImage: defaults.diskImage.optional(),
    resources: defaults.resources.optional(),
    lifecycle: defaults.lifecycle.optional(),
    egressPolicy: defaults.egressPolicy.optional(),
    egressPolicyId: defaults.egressPolicyId.optional(),
  })
  .meta({ id: "GroupDefaults" });
export type GroupDefaults = z.infer<typeof GroupDefaults>;

/** What a group may have at once; what is left out has no limit. */
export const Quota = z
  .strictObject({
    /** Cores of sandboxes that run or start: 0.25, 4. */
    cores: z.number().min(0).max(1_000_000).multipleOf(0.001, "must be thousandths of a core").optional(),
    /** Memory of sandboxes that run or start. */
    memory: TotalQuantity.optional(),
    /** Disk of every sandbox on record, also of those that stopped. */
    disk: TotalQuantity.optional(),
    /** Sandboxes on record, also those that stopped. */
    sandboxes: z.number().int().min(0).max(1_000_000).optional(),
    /** The group's own images. */
    images: z.number().int().min(0).max(1_000_000).optional(),
    /** Snapshots that were asked for. */
    snapshots: z.number().int().min(0).max(1_000_000).optional(),
  })
  .meta({ id: "Quota" });
export type Quota = z.infer<typeof Quota>;

/** Which snapshots stay by themselves; without either all do. Those that sandboxes came from, and those with a label `pinned`, always do. */
export const SnapshotRetention = z
  .strictObject({
    /** The newest so many of each sandbox. */
    keptPerSandbox: z.number().int().min(0).max(1_000_000).optional(),
    /** Those that are younger. */
    keptSeconds: z.number().int().min(60).max(3_155_760_000).optional(),
  })
  .meta({ id: "SnapshotRetention" });
export type SnapshotRetention = z.infer<typeof SnapshotRetention>;

/** The same measures as the quota's, as they are now. */
export const QuotaUse = z
  .object({
    cores: z.number(),
    memory: z.string(),
    disk: z.string(),
    sandboxes: z.number().int(),
    images: z.number().int(),
    snapshots: z.number().int(),
  })
  .meta({ id: "QuotaUse" });
export type QuotaUse = z.infer<typeof QuotaUse>;

/** Deleting: everything in it is being deleted, and nothing new is taken. */
export const GroupState = z.enum(["Ready", "Deleting"]).meta({ id: "GroupState" });
export type GroupState = z.infer<typeof GroupState>;

export const Group = z
  .object({
    name: GroupName,
    state: GroupState,
    tags: Tags,
    defaults: GroupDefaults,
    quota: Quota,
    used: QuotaUse,
    snapshotRetention: SnapshotRetention,
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Group" });
export type Group = z.infer<typeof Group>;

export const CreateGroup = z
  .strictObject({
    /** Two groups may not differ by case alone. */
    name: GroupName,
    tags: Tags.optional(),
    defaults: GroupDefaults.optional(),
    quota: Quota.optional(),
  })
  .meta({ id: "CreateGroup" });
export type CreateGroup = z.infer<typeof CreateGroup>;

/** Merged into what is there: a tag or default that is left out stays, null removes it, a value replaces it whole. */
export const UpdateGroup = z
  .strictObject({
    tags: z.record(LabelKey, TagValue.nullable()).optional(),
    defaults: z
      .strictObject({
        diskImage: defaults.diskImage.nullable().optional(),
        resources: defaults.resources.nullable().optional(),
        lifecycle: defaults.lifecycle.nullable().optional(),
        egressPolicy: defaults.egressPolicy.nullable().optional(),
        egressPolicyId: defaults.egressPolicyId.nullable().optional(),
      })
      .optional(),
  })
  .meta({ id: "UpdateGroup" });
export type UpdateGroup = z.infer<typeof UpdateGroup>;

export const createGroup = endpoint({
  id: "createGroup",
  method: "POST",
  path: "/v1/groups",
  access: "admin",
  summary: "Create a group",
  params: z.strictObject({}),
  query: NoQuery,
  body: CreateGroup,
  result: Group,
  status: 201,
  errors: ["GroupExists", "EgressPolicyNotFound", "EgressRouteNotFound", "SecretNotFound"],
});

export const listGroups = endpoint({
  id: "listGroups",
  method: "GET",
  path: "/v1/groups",
  access: "caller",
  summary: "List groups, by name",
  description: "Those that the caller has a role in; an administrator sees all.",
  params: z.strictObject({}),
  query: z.strictObject({
    /** Only groups with all of these tags. */
    tags: LabelSelector.exactOptional(),
    /** Only those whose names come after this one: for whoever walks the list while groups come and go. */
    after: GroupName.exactOptional(),
    /** From 1. */
    page: wholeNumber(1, 1_000_000).exactOptional(),
    /** Default 100. */
    pageSize: wholeNumber(1, 1_000).exactOptional(),
  }),
  body: "none",
  result: z.array(Group),
});

export const getGroup = endpoint({
  id: "getGroup",
  method: "GET",
  path: "/v1/groups/:group",
  access: "reader",
  summary: "Read one group, with its quota and what is used",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: Group,
});

export const updateGroup = endpoint({
  id: "updateGroup",
  method: "PATCH",
  path: "/v1/groups/:group",
  access: "owner",
  summary: "Change a group's tags and defaults",
  description:
    "What is left out stays; null removes a tag or a default. Sandboxes that are there already stay as they are.",
  params: GroupParams,
  query: NoQuery,
  body: UpdateGroup,
  result: Group,
  errors: ["EgressPolicyNotFound", "EgressRouteNotFound", "SecretNotFound"],
  isIdempotent: true,
});

export const setGroupQuota = endpoint({
  id: "setGroupQuota",
  method: "PUT",
  path: "/v1/groups/:group/quota",
  access: "admin",
  summary: "Set what a group may have",
  description:
    "Replaces the whole quota; what is left out has no limit. One below what is used ends nothing: it only keeps more from coming.",
  params: GroupParams,
  query: NoQuery,
  body: Quota,
  result: Group,
});

export const setSnapshotRetention = endpoint({
  id: "setSnapshotRetention",
  method: "PUT",
  path: "/v1/groups/:group/snapshotRetention",
  access: "owner",
  summary: "Set which snapshots of the group stay",
  description:
    "Replaces the whole rule; what is left out limits nothing. The others are deleted in the background, within minutes, for ever. Those that sandboxes came from stay, and so do those with a label `pinned`.",
  params: GroupParams,
  query: NoQuery,
  body: SnapshotRetention,
  result: Group,
});

export const deleteGroup = endpoint({
  id: "deleteGroup",
  method: "DELETE",
  path: "/v1/groups/:group",
  access: "admin",
  summary: "Delete a group",
  description:
    "Refused while something is in it, unless `force` is true: then everything in it is deleted too, and the answer comes when nothing of it is left. Its keys, roles and usage records go with it. A group that is gone, or never was, succeeds too.",
  params: GroupParams,
  query: z.strictObject({ force: Flag.exactOptional() }),
  body: "none",
  result: "none",
  errors: ["GroupNotEmpty", "GroupNotDeletable"],
});

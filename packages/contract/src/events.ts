/** The event stream: what changed, as it changes. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Group } from "./groups.js";
import { Image } from "./images.js";
import { EgressPolicyId, LabelSelector, SandboxId, SecretId, wholeNumber } from "./names.js";
import { Pool } from "./pools.js";
import { GroupParams, Sandbox } from "./sandboxes.js";
import { Snapshot } from "./snapshots.js";

const base = {
  /** Grows by one with every event of the group; never reused. */ sequence: z.number().int(),
  at: z.iso.datetime(),
};

export const AlcoveEvent = z
  .discriminatedUnion("type", [
    z.object({ ...base, type: z.literal("sandbox.changed"), sandbox: Sandbox }),
    z.object({ ...base, type: z.literal("sandbox.deleted"), sandboxId: z.string() }),
    z.object({ ...base, type: z.literal("image.changed"), image: Image }),
    z.object({ ...base, type: z.literal("image.deleted"), name: z.string() }),
    z.object({ ...base, type: z.literal("snapshot.changed"), snapshot: Snapshot }),
    z.object({ ...base, type: z.literal("snapshot.deleted"), snapshotId: z.string(), sandboxId: z.string() }),
    /** What it shall hold, or what it holds; changes within 100 ms are told as one. */
    z.object({ ...base, type: z.literal("pool.changed"), pool: Pool }),
    z.object({ ...base, type: z.literal("pool.deleted"), name: z.string() }),
    /** Its tags, defaults, quota or state; what it uses changes with its sandboxes. */
    z.object({ ...base, type: z.literal("group.changed"), group: Group }),
    /** What may be reached: of one sandbox, by one of the group's policies, or, with neither, by the group's settings. */
    z.object({
      ...base,
      type: z.literal("egress.changed"),
      sandboxId: z.string().optional(),
      egressPolicyId: EgressPolicyId.optional(),
      /** The policy of this name is gone. */
      isDeleted: z.boolean().optional(),
    }),
    /** The sandbox has no network until then: it made the egress gateway's process end again and again. */
    z.object({ ...base, type: z.literal("egress.refused"), sandboxId: z.string(), until: z.iso.datetime() }),
    /** A new version, or other hosts; never with values. */
    z.object({ ...base, type: z.literal("secret.changed"), secretId: SecretId, version: z.number().int() }),
    z.object({ ...base, type: z.literal("secret.deleted"), secretId: SecretId }),
    /** Whom the group's tokens may be for. */
    z.object({ ...base, type: z.literal("identity.changed") }),
    /** Events from `after` on are not kept any more: read the resources anew. */
    z.object({ ...base, type: z.literal("gap"), after: z.number().int() }),
  ])
  .meta({ id: "AlcoveEvent" });
export type AlcoveEvent = z.infer<typeof AlcoveEvent>;

export const streamEvents = endpoint({
  id: "streamEvents",
  method: "GET",
  path: "/v1/groups/:group/events",
  access: "reader",
  summary: "Follow changes",
  description:
    "JSON lines (application/x-ndjson), an empty line every 15 s. With `after` it begins behind that sequence number, with 0 from the beginning on, as far as events are kept (the newest 10,000 of the group). With `sandboxId`, or `labels`, only what is about that sandbox and its snapshots, or about sandboxes that have the labels then; deletions of any sandbox come with `labels` too, since nothing is left to look at.",
  params: GroupParams,
  query: z.strictObject({
    after: wholeNumber(0, Number.MAX_SAFE_INTEGER).exactOptional(),
    sandboxId: SandboxId.exactOptional(),
    labels: LabelSelector.exactOptional(),
  }),
  body: "none",
  result: "bytes",
  resultTypes: ["application/x-ndjson"],
});

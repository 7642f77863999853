/** Warm pools: sandboxes of a group that run already and that nobody has yet; a creation of their image and size takes one. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { GroupName, ImageName } from "./names.js";
import { Argv, GroupParams, NoQuery } from "./sandboxes.js";
import { Resources } from "./sizes.js";

export const PoolName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    "must be 1 to 63 letters, digits, dots, underscores or hyphens, beginning and ending with a letter or digit",
  )
  .meta({ id: "PoolName" });

const mostMembers = 100;

const PoolSource = z
  .strictObject({
    diskImage: z.strictObject({
      /** One of the group's images, else one of the catalogue's. */
      name: ImageName,
      /** The catalogue's, whatever the group has. */
      isPublic: z.boolean().optional(),
    }),
  })
  .meta({ id: "PoolSource" });

export const PutPool = z
  .strictObject({
    /** What its sandboxes start from. */
    sourcesRef: PoolSource,
    /** Rounded up to the grid of sizes. Default: the group's, else tier M. Kept as it was then, should the group's change. */
    resources: Resources.optional(),
    /** So many are kept ready, however few are asked for. */
    minimum: z.number().int().min(0).max(mostMembers),
    /** Never more than this, however many are asked for. Default: the minimum, at least 1. */
    maximum: z.number().int().min(1).max(mostMembers).optional(),
    /**
     * A program that is run once, in a template of the group's own; what it leaves in memory and on the disk is in every sandbox of the
     * image and size that the group creates from then on, from the pool or beside it.
     */
    prime: Argv.min(1).optional(),
  })
  .refine(({ minimum, maximum }) => maximum === undefined || maximum >= minimum, {
    message: "must be at least the minimum",
    path: ["maximum"],
  })
  .meta({ id: "PutPool" });
export type PutPool = z.infer<typeof PutPool>;

export const Pool = z
  .object({
    name: PoolName,
    group: GroupName,
    sourcesRef: PoolSource,
    /** What was given, normalised: millicores and MiB. */
    resources: z.object({ cpu: z.string(), memory: z.string(), disk: z.string() }),
    minimum: z.number().int(),
    maximum: z.number().int(),
    prime: z.array(z.string()).optional(),
    /** Sandboxes that a creation can take now. */
    ready: z.number().int(),
    /** Sandboxes on the way to it. */
    starting: z.number().int(),
    /** How many were taken since the daemon started. */
    claimed: z.number().int(),
    /** Since when sandboxes start with what `prime` left. Missing where there is none, and as long as it has not run. */
    primedAt: z.iso.datetime().optional(),
    /** A sentence for people: why it has fewer than it shall have. */
    message: z.string().optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Pool" });
export type Pool = z.infer<typeof Pool>;

const params = z.strictObject({ group: GroupName, name: PoolName });

export const listPools = endpoint({
  id: "listPools",
  method: "GET",
  path: "/v1/groups/:group/pools",
  access: "reader",
  summary: "List the group's warm pools, by name",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: z.array(Pool),
});

export const getPool = endpoint({
  id: "getPool",
  method: "GET",
  path: "/v1/groups/:group/pools/:name",
  access: "reader",
  summary: "Read one pool: what it shall hold, and what it holds",
  params,
  query: NoQuery,
  body: "none",
  result: Pool,
  errors: ["PoolNotFound"],
});

export const putPool = endpoint({
  id: "putPool",
  method: "PUT",
  path: "/v1/groups/:group/pools/:name",
  access: "owner",
  summary: "Make a warm pool, or change one",
  description:
    "It answers at once and is filled in the background, when no creation waits; a prime command that fails is told by the pool's message, with the end of its output. Members of another image, size or prime than asked for now are ended. A group has at most 16 pools.",
  params,
  query: NoQuery,
  body: PutPool,
  result: Pool,
  errors: ["ImageNotFound", "CapacityExceeded", "PoolLimitReached"],
});

export const deletePool = endpoint({
  id: "deletePool",
  method: "DELETE",
  path: "/v1/groups/:group/pools/:name",
  access: "owner",
  summary: "Delete a pool and end what is in it; sandboxes that were taken from it stay",
  params,
  query: NoQuery,
  body: "none",
  result: "none",
  errors: ["PoolNotFound"],
});

/** API keys: what a program shows to be known over TCP. The secret is answered once, when the key is made. */
import * as z from "zod";
import { Role } from "./access.js";
import { endpoint } from "./endpoint.js";
import { GroupName, wholeNumber } from "./names.js";
import { GroupParams, NoQuery } from "./sandboxes.js";

/** Given by the server; the middle part of the key itself. */
export const KeyId = z
  .string()
  .regex(/^[0-9a-z]{16}$/, "must be the id of a key, 16 lower-case letters and digits")
  .meta({ id: "KeyId" });

const KeyName = z
  .string()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} ._@/-]{0,62}$/u,
    "must be 1 to 63 letters, digits, spaces, dots, hyphens, @ or slashes",
  );

/** What a key may do in one group. */
export const KeyScope = z.strictObject({ group: GroupName, role: Role }).meta({ id: "KeyScope" });
export type KeyScope = z.infer<typeof KeyScope>;

export const Key = z
  .object({
    id: KeyId,
    name: z.string(),
    /** It administers the server, and so is owner of every group. */
    isAdmin: z.boolean(),
    scopes: z.array(KeyScope),
    /** Who made it: `owner` of the daemon, `key:ID` or `oidc:SUBJECT`. */
    createdBy: z.string(),
    createdAt: z.iso.datetime(),
    /** From then on it is not known any more. */
    expiresAt: z.iso.datetime().optional(),
    revokedAt: z.iso.datetime().optional(),
    /** To the minute. */
    lastUsedAt: z.iso.datetime().optional(),
    requestsPerMinute: z.number().int(),
  })
  .meta({ id: "Key" });
export type Key = z.infer<typeof Key>;

/** A key with its secret: `alc_ID_SECRET`, answered this once. */
export const CreatedKey = Key.extend({ key: z.string() }).meta({ id: "CreatedKey" });
export type CreatedKey = z.infer<typeof CreatedKey>;

export const defaultRequestsPerMinute = 3_000;

const keyFields = {
  name: KeyName,
  /** Default: it does not expire. */
  expiresAt: z.iso.datetime({ offset: true }).exactOptional(),
  /** Default: 3,000. */
  requestsPerMinute: z.number().int().min(1).max(1_000_000).exactOptional(),
};

export const CreateKey = z
  .strictObject({
    ...keyFields,
    /** An administrator's key; takes no scopes. */
    isAdmin: z.boolean().exactOptional(),
    scopes: z.array(KeyScope).min(1).max(64).exactOptional(),
  })
  .refine(({ isAdmin = false, scopes }) => isAdmin === (scopes === undefined), {
    message: "exactly one of isAdmin: true and scopes must be given",
    path: ["scopes"],
  })
  .refine(({ scopes = [] }) => new Set(scopes.map(({ group }) => group)).size === scopes.length, {
    message: "must name each group once",
    path: ["scopes"],
  })
  .meta({ id: "CreateKey" });
export type CreateKey = z.infer<typeof CreateKey>;

export const CreateGroupKey = z.strictObject({ ...keyFields, role: Role }).meta({ id: "CreateGroupKey" });
export type CreateGroupKey = z.infer<typeof CreateGroupKey>;

const Nothing = z.strictObject({});
const KeyPage = z.strictObject({
  /** Only those made before this one. */
  before: KeyId.exactOptional(),
  /** From 1. */
  page: wholeNumber(1, 1_000_000).exactOptional(),
  /** Default 100. */
  pageSize: wholeNumber(1, 1_000).exactOptional(),
});
const keptRevoked =
  "To walk over all of them, name the last one of each page as `before`. Revoked and expired keys stay in the list, so that a log can be read by it, until 30 days after their end.";

export const createKey = endpoint({
  id: "createKey",
  method: "POST",
  path: "/v1/keys",
  access: "admin",
  summary: "Make a key for any groups, or an administrator's",
  params: Nothing,
  query: Nothing,
  body: CreateKey,
  result: CreatedKey,
  status: 201,
  errors: ["KeyLimitReached"],
});

export const listKeys = endpoint({
  id: "listKeys",
  method: "GET",
  path: "/v1/keys",
  access: "admin",
  summary: "List every key of the server, newest first",
  description: keptRevoked,
  params: Nothing,
  query: KeyPage,
  body: "none",
  result: z.array(Key),
  errors: ["KeyNotFound"],
});

export const revokeKey = endpoint({
  id: "revokeKey",
  method: "DELETE",
  path: "/v1/keys/:keyId",
  access: "admin",
  summary: "Revoke a key; what it has under way ends",
  params: z.strictObject({ keyId: KeyId }),
  query: Nothing,
  body: "none",
  result: "none",
  errors: ["KeyNotFound"],
});

export const createGroupKey = endpoint({
  id: "createGroupKey",
  method: "POST",
  path: "/v1/groups/:group/keys",
  access: "owner",
  summary: "Make a key for this group",
  params: GroupParams,
  query: NoQuery,
  body: CreateGroupKey,
  result: CreatedKey,
  status: 201,
  errors: ["KeyLimitReached"],
});

export const listGroupKeys = endpoint({
  id: "listGroupKeys",
  method: "GET",
  path: "/v1/groups/:group/keys",
  access: "owner",
  summary: "List the keys that were made for this group, newest first",
  description: `${keptRevoked} Keys of the administrator's are not among them.`,
  params: GroupParams,
  query: KeyPage,
  body: "none",
  result: z.array(Key),
  errors: ["KeyNotFound"],
});

export const revokeGroupKey = endpoint({
  id: "revokeGroupKey",
  method: "DELETE",
  path: "/v1/groups/:group/keys/:keyId",
  access: "owner",
  summary: "Revoke a key of this group; what it has under way ends",
  params: z.strictObject({ group: GroupName, keyId: KeyId }),
  query: NoQuery,
  body: "none",
  result: "none",
  errors: ["KeyNotFound"],
});

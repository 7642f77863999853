/**
 * Secrets of a group, as ACA's: values by key, put into requests by the gateway, or given to sandboxes. Each change makes a version. What
 * refers to a secret refers to its newest version.
 */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { readHostPattern } from "./hosts.js";
import { GroupName, SecretId, SecretKey } from "./names.js";
import { GroupParams, NoQuery } from "./sandboxes.js";

const mostKeys = 64;
const mostHosts = 64;
const mostValueBytes = 32_768;

const SecretValue = z
  .string()
  .min(1, "must not be empty")
  .refine((value) => !value.includes("\0"), "must not hold a NUL byte")
  .refine((value) => !/\p{Cs}/u.test(value), "must be text that UTF-8 can write")
  .refine(
    (value) => new TextEncoder().encode(value).length <= mostValueBytes,
    `must have at most ${mostValueBytes} bytes`,
  );

const Values = z.record(SecretKey, SecretValue);

const Hosts = z
  .array(
    z
      .string()
      .max(253)
      .superRefine((text, context) => {
        const read = readHostPattern(text);
        if ("message" in read) context.addIssue({ code: "custom", message: read.message, params: { hint: read.hint } });
      }),
  )
  .max(mostHosts);

export const PutSecret = z
  .strictObject({
    /** Replace all that the secret had; at most 64, each of at most 32 KiB. */
    values: Values.refine((values) => {
      const { length } = Object.keys(values);
      return length >= 1 && length <= mostKeys;
    }, `must have 1 to ${mostKeys} entries`),
    /**
     * Where alone the gateway sends the values, however they are named, and for which a placeholder stands for them: patterns, as of an egress
     * policy. Without any they go wherever a policy says, and may be given to sandboxes. Left out: as before, so that a new value is sent nowhere
     * else, and none of a new secret.
     */
    hosts: Hosts.optional(),
  })
  .meta({ id: "PutSecret" });
export type PutSecret = z.infer<typeof PutSecret>;

/** Never with its values. */
export const Secret = z
  .object({
    id: SecretId,
    group: GroupName,
    /** Of the newest version. */
    keys: z.array(SecretKey),
    /** From 1. */
    version: z.number().int(),
    hosts: z.array(z.string()),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "Secret" });
export type Secret = z.infer<typeof Secret>;

export const SecretValues = z
  .object({ version: z.number().int(), values: z.record(SecretKey, z.string()) })
  .meta({ id: "SecretValues" });
export type SecretValues = z.infer<typeof SecretValues>;

const path = "/v1/groups/:group/secrets";
const params = z.strictObject({ group: GroupName, secretId: SecretId });

export const listSecrets = endpoint({
  id: "listSecrets",
  method: "GET",
  path,
  access: "reader",
  summary: "List the group's secrets, by id, without their values",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: z.array(Secret),
});

export const getSecret = endpoint({
  id: "getSecret",
  method: "GET",
  path: `${path}/:secretId`,
  access: "reader",
  summary: "Read one secret, without its values",
  params,
  query: NoQuery,
  body: "none",
  result: Secret,
  errors: ["SecretNotFound"],
});

export const listSecretKeys = endpoint({
  id: "listSecretKeys",
  method: "GET",
  path: `${path}/:secretId/keys`,
  access: "reader",
  summary: "List the keys of a secret",
  params,
  query: NoQuery,
  body: "none",
  result: z.array(SecretKey),
  errors: ["SecretNotFound"],
});

export const putSecret = endpoint({
  id: "putSecret",
  method: "PUT",
  path: `${path}/:secretId`,
  access: "owner",
  summary: "Make a secret, or a new version of one",
  description:
    "Answers when the gateway has the new values for every sandbox that uses them; programs that run keep the environment that they have. What is the same as before makes no version. The values replace all that there were, and a key that anything refers to may not be left out; `hosts` that are left out stay as they were, so that new values go nowhere else. The last 10 versions are kept; a group has at most 100 secrets.",
  params,
  query: NoQuery,
  body: PutSecret,
  result: Secret,
  errors: ["SecretLimitReached", "SecretInUse", "SecretsUnreadable"],
});

export const peekSecret = endpoint({
  id: "peekSecret",
  method: "POST",
  path: `${path}/:secretId/peek`,
  access: "owner",
  summary: "Read the values of a secret",
  description: "Who did so is in the audit log.",
  params,
  query: NoQuery,
  body: z.strictObject({
    /** Default: the newest. */
    version: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  }),
  result: SecretValues,
  errors: ["SecretNotFound", "SecretsUnreadable"],
  isIdempotent: true,
});

export const deleteSecret = endpoint({
  id: "deleteSecret",
  method: "DELETE",
  path: `${path}/:secretId`,
  access: "owner",
  summary: "Delete a secret, with all of its versions",
  description: "Refused while policies, sandboxes, snapshots or the group's settings refer to it.",
  params,
  query: NoQuery,
  body: "none",
  result: "none",
  errors: ["SecretNotFound", "SecretInUse"],
});

/** This server as an issuer of tokens, to whoever is to believe them: OpenID Connect Discovery, and RFC 7517's key sets. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";

const Nothing = z.strictObject({});

export const OpenidConfiguration = z
  .object({
    issuer: z.url(),
    jwks_uri: z.url(),
    response_types_supported: z.array(z.string()),
    subject_types_supported: z.array(z.string()),
    id_token_signing_alg_values_supported: z.array(z.string()),
    claims_supported: z.array(z.string()),
  })
  .meta({ id: "OpenidConfiguration" });
export type OpenidConfiguration = z.infer<typeof OpenidConfiguration>;

export const KeySet = z
  .object({
    keys: z.array(
      z.object({
        kid: z.string(),
        kty: z.literal("RSA"),
        alg: z.literal("RS256"),
        use: z.literal("sig"),
        n: z.string(),
        e: z.string(),
      }),
    ),
  })
  .meta({ id: "KeySet" });
export type KeySet = z.infer<typeof KeySet>;

export const RotatedKeys = z
  .object({
    /** What tokens are signed with from now on. */
    keyId: z.string(),
    /** Until when the key before it stays in the set: its last tokens are over then. */
    formerUntil: z.iso.datetime().optional(),
  })
  .meta({ id: "RotatedKeys" });
export type RotatedKeys = z.infer<typeof RotatedKeys>;

export const getOpenidConfiguration = endpoint({
  id: "getOpenidConfiguration",
  method: "GET",
  path: "/.well-known/openid-configuration",
  access: "anyone",
  summary: "Where the keys are with which groups' tokens are signed",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: OpenidConfiguration,
  errors: ["IssuerOff"],
});

export const getKeySet = endpoint({
  id: "getKeySet",
  method: "GET",
  path: "/.well-known/jwks.json",
  access: "anyone",
  summary: "The public keys with which groups' tokens are verified",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: KeySet,
  errors: ["IssuerOff"],
});

export const rotateIssuerKeys = endpoint({
  id: "rotateIssuerKeys",
  method: "POST",
  path: "/v1/identity/rotate",
  access: "admin",
  summary: "Sign tokens with a new key",
  description: "The one before stays in the key set until its last tokens are over.",
  params: Nothing,
  query: Nothing,
  body: Nothing,
  result: RotatedKeys,
  errors: ["IssuerOff"],
});

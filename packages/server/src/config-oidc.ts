/** What the configuration says about an OIDC issuer. */
import { GroupName, Role } from "@alcove/contract";
import { z } from "zod";

export const Issuer = z
  .url({ protocol: /^https?$/, error: "must be a URL" })
  .refine(
    (text) => /^https:/.test(text) || /^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?(?:\/|$)/.test(text),
    "must be https, but on loopback",
  );

/** This daemon's own. */
export const IssuerUrl = Issuer.refine((text) => !/[?#]/.test(text), "must have no query and no fragment");

const Mapping = z
  .strictObject({
    /** Its name, or its path: `groups`, `realm_access.roles`. */
    claim: z.string().min(1).max(200),
    /** What the claim must be, or must have among its values. */
    value: z.string().min(1).max(200),
    group: GroupName.optional(),
    role: Role.optional(),
    isAdmin: z.literal(true).optional(),
  })
  .refine(
    ({ group, role, isAdmin }) =>
      isAdmin === true ? group === undefined && role === undefined : group !== undefined && role !== undefined,
    "must have group and role, or isAdmin alone",
  );

export const Oidc = z.strictObject({
  /** As it names itself in its tokens. */
  issuer: Issuer,
  /** Tokens for anybody else are refused. */
  audience: z.string().min(1).max(500),
  mappings: z.array(Mapping).max(1_000).default([]),
});
export type OidcConfig = z.output<typeof Oidc>;

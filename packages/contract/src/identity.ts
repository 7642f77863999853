/** What a group is to the outside: tokens that this server signs, for the services that the group's owner names. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { GroupParams, NoQuery } from "./sandboxes.js";
import { Audience } from "./value-refs.js";

const AllowedAudience = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[!-)+-~]*\*?$/, "must be printable ASCII without spaces, with a * at its end or none")
  .meta({ id: "AllowedAudience" });

export const SetGroupIdentity = z
  .strictObject({
    audiences: z
      .array(AllowedAudience)
      .max(64)
      .describe(
        "Whom tokens may be for: a name as it is, or all that begin as one with a * at its end. None: the group has no identity",
      ),
    tokenLifetimeSeconds: z.number().int().min(300).max(3_600).optional().describe("Default 900"),
  })
  .meta({ id: "SetGroupIdentity" });
export type SetGroupIdentity = z.infer<typeof SetGroupIdentity>;

export const GroupIdentity = z
  .object({
    audiences: z.array(z.string()),
    tokenLifetimeSeconds: z.number().int(),
    /** The claim `sub` of its tokens: `group:NAME:ID`. A group that gets the name later has another one. */
    subject: z.string(),
    /** The ID in the subject: a UUID that this group alone ever has. */
    clientId: z.uuid(),
    /** The claim `iss`; left out while this server issues no tokens. */
    issuer: z.url().optional(),
  })
  .meta({ id: "GroupIdentity" });
export type GroupIdentity = z.infer<typeof GroupIdentity>;

export const GroupToken = z
  .object({ token: z.string(), expiresAt: z.iso.datetime(), resource: Audience })
  .meta({ id: "GroupToken" });
export type GroupToken = z.infer<typeof GroupToken>;

export const getGroupIdentity = endpoint({
  id: "getGroupIdentity",
  method: "GET",
  path: "/v1/groups/:group/identity",
  access: "reader",
  summary: "Read whom the group's tokens may be for",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: GroupIdentity,
});

export const setGroupIdentity = endpoint({
  id: "setGroupIdentity",
  method: "PUT",
  path: "/v1/groups/:group/identity",
  access: "owner",
  summary: "Say whom the group's tokens may be for",
  description:
    "Answers when it is in force in the group's sandboxes. This server refuses tokens for whom it does not name any more at once; others believe them until they expire.",
  params: GroupParams,
  query: NoQuery,
  body: SetGroupIdentity,
  result: GroupIdentity,
});

export const issueGroupToken = endpoint({
  id: "issueGroupToken",
  method: "POST",
  path: "/v1/groups/:group/identity/token",
  access: "owner",
  summary: "Have a token of the group, as its sandboxes get them",
  description: "To try what it opens. It names no sandbox.",
  params: GroupParams,
  query: NoQuery,
  body: z.strictObject({ resource: Audience }).meta({ id: "IssueGroupToken" }),
  result: GroupToken,
  errors: ["AudienceNotAllowed", "IssuerOff"],
});

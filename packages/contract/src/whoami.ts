/** Who the daemon takes the caller for. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { KeyScope } from "./keys.js";

const Nothing = z.strictObject({});

export const WhoAmI = z
  .object({
    /** owner: of the daemon, over its UNIX socket. */
    kind: z.enum(["owner", "key", "oidc", "group"]),
    /** As it stands in role assignments and in the audit log: `owner`, `key:ID`, `oidc:SUBJECT`, `group:NAME`. */
    principal: z.string(),
    name: z.string(),
    isAdmin: z.boolean(),
    /** Empty for an administrator, who is owner of every group. */
    roles: z.array(KeyScope),
    expiresAt: z.iso.datetime().optional(),
  })
  .meta({ id: "WhoAmI" });
export type WhoAmI = z.infer<typeof WhoAmI>;

export const whoAmI = endpoint({
  id: "whoAmI",
  method: "GET",
  path: "/v1/whoami",
  access: "caller",
  summary: "Who the caller is, and what it may do",
  params: Nothing,
  query: Nothing,
  body: "none",
  result: WhoAmI,
});

/** How names of a group's sandboxes are resolved outside, whose certificates are believed there, and by which routes connections leave. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { RouteName } from "./names.js";
import { GroupParams, NoQuery } from "./sandboxes.js";
import { UpstreamRoutes } from "./upstream-routes.js";

const HostName = z
  .string()
  .max(253)
  .regex(
    /^(?=.*[a-z])[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/,
    "must be a host name in lower case, such as db.example.com",
  );
const Address = z.union([z.ipv4(), z.ipv6()], { error: "must be an IPv4 or IPv6 address" });

const mostOverrides = 1_000;
const mostCertificateBytes = 262_144;

export const GroupEgress = z
  .strictObject({
    /** The address of a host, in place of what the resolver says. What policies refuse by address they refuse here too. */
    resolverOverrides: z
      .record(HostName, Address)
      .refine(
        (overrides) => Object.keys(overrides).length <= mostOverrides,
        `must have at most ${mostOverrides} entries`,
      )
      .optional(),
    /** PEM certificates of authorities that servers may have theirs from, beside the system's. */
    upstreamCertificates: z.string().max(mostCertificateBytes).optional(),
    /** By name. Rules of policies name one by `route`; one that is named cannot be taken away. */
    routes: UpstreamRoutes.optional(),
    /** One of `routes`, for what no rule says otherwise. Left out: direct. */
    defaultRoute: RouteName.optional(),
  })
  .meta({ id: "GroupEgress" });
export type GroupEgress = z.infer<typeof GroupEgress>;

export const getGroupEgress = endpoint({
  id: "getGroupEgress",
  method: "GET",
  path: "/v1/groups/:group/egress",
  access: "reader",
  summary: "Read the group's resolver overrides, upstream certificates and routes",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: GroupEgress,
});

export const setGroupEgress = endpoint({
  id: "setGroupEgress",
  method: "PUT",
  path: "/v1/groups/:group/egress",
  access: "owner",
  summary: "Set the group's resolver overrides, upstream certificates and routes",
  description: "Replaces all; what is left out is none. Answers when they are in force for the group's sandboxes.",
  params: GroupParams,
  query: NoQuery,
  body: GroupEgress,
  result: GroupEgress,
  errors: ["EgressRouteNotFound", "EgressRouteInUse", "SecretNotFound"],
});

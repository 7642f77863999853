/** Egress policies that a group gives names, and that its sandboxes refer to: a change reaches all of them. Routes follow ACA's. */
import * as z from "zod";
import { EgressPolicy } from "./egress.js";
import { endpoint } from "./endpoint.js";
import { EgressPolicyId, GroupName } from "./names.js";
import { GroupParams, NoQuery } from "./sandboxes.js";

const Description = z.string().max(1_024);

export const PutEgressPolicy = z
  .strictObject({
    /** For people. */
    description: Description.optional(),
    policy: EgressPolicy,
  })
  .meta({ id: "PutEgressPolicy" });
export type PutEgressPolicy = z.infer<typeof PutEgressPolicy>;

export const NamedEgressPolicy = z
  .object({
    name: EgressPolicyId,
    group: GroupName,
    description: z.string().optional(),
    policy: EgressPolicy,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: "NamedEgressPolicy" });
export type NamedEgressPolicy = z.infer<typeof NamedEgressPolicy>;

const path = "/v1/groups/:group/egressPolicies";
const params = z.strictObject({ group: GroupName, egressPolicyId: EgressPolicyId });

export const listEgressPolicies = endpoint({
  id: "listEgressPolicies",
  method: "GET",
  path,
  access: "reader",
  summary: "List the group's named egress policies, by name",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: z.array(NamedEgressPolicy),
});

export const getEgressPolicy = endpoint({
  id: "getEgressPolicy",
  method: "GET",
  path: `${path}/:egressPolicyId`,
  access: "reader",
  summary: "Read one named egress policy",
  params,
  query: NoQuery,
  body: "none",
  result: NamedEgressPolicy,
  errors: ["EgressPolicyNotFound"],
});

export const putEgressPolicy = endpoint({
  id: "putEgressPolicy",
  method: "PUT",
  path: `${path}/:egressPolicyId`,
  access: "owner",
  summary: "Make a named egress policy, or replace one",
  description:
    "Answers when it is in force for every sandbox that refers to it; connections that it does not allow any more are closed. A group has at most 100.",
  params,
  query: NoQuery,
  body: PutEgressPolicy,
  result: NamedEgressPolicy,
  errors: ["EgressPolicyLimitReached", "EgressRouteNotFound", "SecretNotFound"],
});

export const deleteEgressPolicy = endpoint({
  id: "deleteEgressPolicy",
  method: "DELETE",
  path: `${path}/:egressPolicyId`,
  access: "owner",
  summary: "Delete a named egress policy",
  description: "Refused while sandboxes, snapshots or the group's defaults refer to it.",
  params,
  query: NoQuery,
  body: "none",
  result: "none",
  errors: ["EgressPolicyNotFound", "EgressPolicyInUse"],
});

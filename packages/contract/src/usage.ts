/** What a group uses now, and what it has used: to bill, or to show. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Quota, QuotaUse } from "./groups.js";
import { LabelKey } from "./names.js";
import { GroupParams, NoQuery } from "./sandboxes.js";

const amounts = {
  /** Cores of its sandboxes × seconds that they were Running. */
  coreSeconds: z.number(),
  /** Memory of its sandboxes × seconds that they were Running. */
  memoryGiBSeconds: z.number(),
  /** Disk that its sandboxes were given × seconds that they were on record, also while they did not run. */
  diskGiBSeconds: z.number(),
};

export const UsageAmounts = z.object(amounts).meta({ id: "UsageAmounts" });
export type UsageAmounts = z.infer<typeof UsageAmounts>;

export const GroupUsage = z
  .object({
    quota: Quota,
    used: QuotaUse,
    /** Since the first of the month, UTC. */
    month: z.object({ from: z.iso.datetime(), ...amounts }),
  })
  .meta({ id: "GroupUsage" });
export type GroupUsage = z.infer<typeof GroupUsage>;

export const UsageStep = z.enum(["hour", "day", "range"]).meta({ id: "UsageStep" });
export type UsageStep = z.infer<typeof UsageStep>;

export const UsageRecords = z
  .object({
    /** The time asked for, out to full hours. */
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    label: z.string().optional(),
    /** By time, then by value. Times and values in which nothing was used have none. */
    records: z.array(
      z.object({
        from: z.iso.datetime(),
        to: z.iso.datetime(),
        /** The label's; null for sandboxes without it. Only where a label was asked for. */
        value: z.string().nullable().optional(),
        ...amounts,
      }),
    ),
  })
  .meta({ id: "UsageRecords" });
export type UsageRecords = z.infer<typeof UsageRecords>;

export const getGroupUsage = endpoint({
  id: "getGroupUsage",
  method: "GET",
  path: "/v1/groups/:group/usage",
  access: "reader",
  summary: "What a group uses now, its quota, and what it used this month",
  params: GroupParams,
  query: NoQuery,
  body: "none",
  result: GroupUsage,
});

export const listUsageRecords = endpoint({
  id: "listUsageRecords",
  method: "GET",
  path: "/v1/groups/:group/usage/records",
  access: "reader",
  summary: "What a group used, by time and by a label's values",
  description:
    "Counted from what happened to its sandboxes, to the millisecond, and kept by the hour, UTC. Labels count as they were at the time.",
  params: GroupParams,
  query: z.strictObject({
    /** Default: 24 hours before `to`. */
    from: z.iso.datetime({ offset: true }).exactOptional(),
    /** Default: now. */
    to: z.iso.datetime({ offset: true }).exactOptional(),
    /** Its values are told apart. */
    label: LabelKey.exactOptional(),
    /** Default: hour. */
    per: UsageStep.exactOptional(),
  }),
  body: "none",
  result: UsageRecords,
});

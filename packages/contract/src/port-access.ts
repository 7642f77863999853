/** From which addresses one may come to a port: limits and meaning as ACA's. */
import * as z from "zod";
import { readRange } from "./addresses.js";

const Action = z.enum(["Allow", "Deny"]);

const SourceCidr = z
  .string()
  .max(64)
  .superRefine((text, context) => {
    const read = readRange(text);
    if ("message" in read) context.addIssue({ code: "custom", message: read.message, params: { hint: read.hint } });
  });

const Rule = z.strictObject({
  /** Unique, whatever the case. */
  name: z.string().regex(/^[A-Za-z0-9-]{1,63}$/, "must be 1 to 63 letters, digits or hyphens"),
  action: Action,
  /** Unique; the lowest is looked at first. */
  priority: z.int().min(0).max(1_000),
  /** Ranges that begin at their first address: 10.0.0.0/8, not 10.0.0.5/8. */
  sourceCidrs: z.array(SourceCidr).min(1).max(10),
});

export const PortIpAccessControl = z
  .strictObject({
    /** Of an address that no rule has. */
    defaultAction: Action,
    rules: z.array(Rule).max(10).optional(),
  })
  .superRefine(({ rules = [] }, context) => {
    rules.forEach(({ name, priority }, at) => {
      const before = rules.slice(0, at);
      if (before.some((other) => other.name.toLowerCase() === name.toLowerCase()))
        context.addIssue({
          code: "custom",
          path: ["rules", at, "name"],
          message: "must be another name than those of the other rules",
        });
      if (before.some((other) => other.priority === priority))
        context.addIssue({
          code: "custom",
          path: ["rules", at, "priority"],
          message: "must be another priority than those of the other rules",
        });
    });
  })
  .meta({ id: "PortIpAccessControl" });
export type PortIpAccessControl = z.infer<typeof PortIpAccessControl>;

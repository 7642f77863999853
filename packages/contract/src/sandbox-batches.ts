/** Many sandboxes in one call. The shape follows ACA's `batch`. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { Problem } from "./problem.js";
import { CreateSandbox, creationErrors, GroupParams, NoQuery, Sandbox } from "./sandboxes.js";

export const BatchResult = z
  .object({
    totalRequested: z.number().int(),
    succeeded: z.number().int(),
    failed: z.number().int(),
    /** Those that are there, in the order of their numbers. */
    sandboxes: z.array(Sandbox),
    /** One for each that is not there, by its number in the batch, from 0. */
    errors: z.array(z.object({ index: z.number().int(), problem: Problem })),
  })
  .meta({ id: "BatchResult" });
export type BatchResult = z.infer<typeof BatchResult>;

export const createSandboxes = endpoint({
  id: "createSandboxes",
  method: "POST",
  path: "/v1/groups/:group/sandboxes/batch",
  access: "user",
  summary: "Create many sandboxes of one kind",
  description:
    "Each takes its turn as if created by itself, a few at a time; those that cannot be created are told one by one; when one has waited for room on the host in vain, the rest are not tried. Answers when all are Running or refused, and sends white space meanwhile, so that nothing between gives the connection up. A client that goes away ends nothing; a daemon that ends leaves uncreated what had not had its turn.",
  params: GroupParams,
  query: NoQuery,
  body: z.strictObject({ count: z.number().int().min(1).max(1_000), sandbox: CreateSandbox }),
  result: BatchResult,
  errors: creationErrors,
});

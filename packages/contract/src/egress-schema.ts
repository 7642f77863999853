import * as z from "zod";
import { EgressPolicy } from "./egress.js";

/** What an editor needs to complete and check the file of a policy, as JSON Schema. The server checks more than it can say. */
export function egressPolicySchema(): Readonly<Record<string, unknown>> {
  const { $schema, id: _, ...rest } = z.toJSONSchema(EgressPolicy, { io: "input" });
  return { $schema, title: "What an Alcove sandbox may reach", ...rest };
}

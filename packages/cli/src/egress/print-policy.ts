import type { EgressPolicy } from "@alcove/contract";
import type { Cli } from "../cli.js";
import { printableLines } from "../printable.js";
import { policyText } from "../views/egress.js";

/** Of an older server, whose sandboxes have no network at all. */
export const nothing: EgressPolicy = { defaultAction: "Deny" };

export async function printPolicy(cli: Cli, policy: EgressPolicy = nothing): Promise<void> {
  await cli.output.value(policy, () => printableLines(policyText(policy)));
}

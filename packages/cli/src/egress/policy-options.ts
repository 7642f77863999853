/** Options of whatever creates a sandbox, that say what it may reach. */
import type { CreateOptions, EgressPolicy } from "alcove";
import type { Command } from "commander";
import { UsageError } from "../exit-codes.js";
import { names } from "../option-values.js";
import { readPolicy } from "./policy-file.js";

export interface PolicyOptions {
  readonly egressPolicy?: string;
  readonly egressPolicyId?: string;
  readonly allowHost?: string[];
}

export function addPolicyOptions(command: Command): Command {
  return command
    .option("--allow-host <pattern>", "it may reach this host by https, such as *.github.com; repeat for more", names)
    .option("--egress-policy <file>", "what it may reach: a policy, as YAML or JSON")
    .option("--egress-policy-id <name>", "what it may reach: one of the group's policies");
}

/** Undefined where nothing is said. */
export async function policyOf({
  egressPolicy: path,
  egressPolicyId: id,
  allowHost: hosts,
}: PolicyOptions): Promise<CreateOptions["egressPolicy"]> {
  if ([path, id, hosts].filter((given) => given !== undefined).length > 1) {
    const sentence = "--allow-host, --egress-policy and --egress-policy-id exclude each other.";
    throw new UsageError(sentence, "Put what shall hold together into one policy: `alcove egress init`.");
  }
  if (path !== undefined) return readPolicy(path);
  return hosts === undefined ? id : allowing(hosts);
}

export function allowing(hosts: readonly string[]): EgressPolicy {
  return { defaultAction: "Deny", hostRules: hosts.map((pattern) => ({ pattern, action: "Allow" })) };
}

/** Of a file, or the name of one of the group's. */
export async function appliedPolicy({
  file,
  policy,
}: {
  readonly file?: string;
  readonly policy?: string;
}): Promise<EgressPolicy | string> {
  if (file !== undefined && policy !== undefined) {
    const hint = "Leave one of them out: --file is a policy of the sandbox's own, --policy one of the group's.";
    throw new UsageError("--file and --policy exclude each other.", hint);
  }
  const wanted = file === undefined ? policy : await readPolicy(file);
  if (wanted !== undefined) return wanted;
  throw new UsageError("--file or --policy is missing.", "alcove egress apply --file FILE ID, or --policy NAME ID");
}

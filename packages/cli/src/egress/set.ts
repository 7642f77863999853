/** `alcove egress set`: a policy out of options. */
import type { EgressPolicy, EgressRule } from "@alcove/contract";
import { type Command, Option } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { names } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { printPolicy } from "./print-policy.js";
import { type Entry, ruleEntries } from "./rule-option.js";

const inspections = ["Full", "Partial", "None"] as const;

interface Options {
  readonly default: "Allow" | "Deny";
  readonly rule?: readonly Entry[];
  readonly allowHost?: readonly string[];
  readonly hostAllow?: readonly string[];
  readonly denyHost?: readonly string[];
  readonly inspection?: (typeof inspections)[number];
  readonly trafficInspection?: (typeof inspections)[number];
  readonly audit?: true;
}

export function addSet(egress: Command, cli: Cli): void {
  const command = egress
    .command("set")
    .summary("replace a sandbox's policy by a simple one")
    .description(
      "Replace what a sandbox may reach; `apply` takes a whole policy. Hosts that are denied come first, then the rules in their order, then hosts that are allowed: the first that matches decides. Without a scheme what is allowed is https alone.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .addOption(
      new Option("--default <action>", "what becomes of everything else; default Deny")
        .choices(["Allow", "Deny"])
        .default("Deny"),
    )
    .option(
      "--rule <rule>",
      "allow|deny [METHOD,…] HOST|URL with globs, or PATTERN:Allow|Deny; repeat for more",
      ruleEntries,
    )
    .option("--allow-host <pattern>", "allowed, such as *.github.com, which is github.com too; repeat for more", names)
    .option("--deny-host <pattern>", "denied, whatever is allowed; repeat for more", names)
    .addOption(inspectionOption("--inspection <which>", "which TLS is opened; default: where a rule needs it"))
    .option("--audit", "deny nothing, and record what would have been")
    // ACA's spelling.
    .addOption(new Option("--host-allow <pattern>", "--allow-host").argParser(names).hideHelp())
    .addOption(inspectionOption("--traffic-inspection <which>", "--inspection").hideHelp());
  addOutputOptions(command, { quiet: false }).action(async (id: string, options: Options) => {
    const policy = simplePolicy(options);
    const sandbox = await cli.sandbox(id);
    const { egressPolicy } = await sandbox.setEgressPolicy(policy, { signal: cli.signal });
    await printPolicy(cli, egressPolicy);
  });
  examples(command, [
    ["alcove egress set --allow-host pypi.org --allow-host '*.pythonhosted.org' 3f2a", ""],
    ["alcove egress set --rule 'allow GET,HEAD https://api.example.com/repos/**' 3f2a", "some requests"],
    ["alcove egress set --default Allow --deny-host internal.example.com 3f2a", "all but one"],
    ["alcove egress set 3f2a", "nothing at all"],
  ]);
}

function inspectionOption(flags: string, description: string): Option {
  return new Option(flags, description).choices([...inspections]);
}

export function simplePolicy(options: Options): EgressPolicy {
  const { default: defaultAction, audit, inspection, trafficInspection = inspection } = options;
  if (inspection !== undefined && inspection !== trafficInspection)
    throw new UsageError("--inspection and --traffic-inspection are the same.", "Give one of them.");
  const entries = [
    ...hosts(options.denyHost, "Deny"),
    ...(options.rule ?? []),
    ...hosts([...(options.allowHost ?? []), ...(options.hostAllow ?? [])], "Allow"),
  ];
  return {
    defaultAction,
    ...rulesOf(entries),
    ...(trafficInspection === undefined ? {} : { trafficInspection }),
    ...(audit === undefined ? {} : { enforcementMode: "Audit" }),
  };
}

function hosts(patterns: readonly string[] = [], action: Entry["action"]): Entry[] {
  return patterns.map((host) => ({ action, match: { host } }));
}

/** In one list, since `rules` come before all `hostRules`. */
function rulesOf(entries: readonly Entry[]): Pick<EgressPolicy, "rules" | "hostRules"> {
  if (entries.length === 0) return {};
  if (entries.every(isOfHost))
    return { hostRules: entries.map(({ action, match }) => ({ pattern: match.host, action })) };
  return { rules: entries.map(ruleOf) };
}

function isOfHost({ match }: Entry): boolean {
  return Object.keys(match).length === 1;
}

function ruleOf({ action, match }: Entry, at: number): EgressRule {
  return { name: `rule-${at + 1}`, match, action: { type: action } };
}

import type { EgressDecision } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { addEgressPolicy } from "../egress/named-policies.js";
import { firstPolicy, readPolicy } from "../egress/policy-file.js";
import { addSchema, addValidate } from "../egress/policy-format.js";
import { appliedPolicy } from "../egress/policy-options.js";
import { nothing, printPolicy } from "../egress/print-policy.js";
import { addSet } from "../egress/set.js";
import { warnOfTemplates } from "../egress/template-warnings.js";
import { addEgressUpstream } from "../egress/upstream.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { yaml } from "../output/format.js";
import { addOutputOptions } from "../output/output.js";
import { printableLines, printableQuoted } from "../printable.js";
import { decisionLine, decisionsText, testText } from "../views/egress.js";

export function addEgress(program: Command, cli: Cli): void {
  const egress = program
    .command("egress")
    .summary("say what sandboxes may reach, and see what they tried to")
    .description(
      "What a sandbox may reach: nothing but what its policy allows, by name. A policy is of the sandbox's own, or one that the group gave a name.",
    );
  for (const add of [addInit, addSchema, addValidate, addSet, addApply, addShow, addExport, addTest, addDecisions])
    add(egress, cli);
  addEgressPolicy(egress, cli);
  addEgressUpstream(egress, cli);
  examples(egress, [
    ["alcove egress init > egress.yaml", ""],
    ["alcove egress apply --file policy.yaml 3f2a", ""],
    ["alcove egress test 3f2a https://github.com/alcove", ""],
    ["alcove egress decisions 3f2a", ""],
  ]);
}

const sandboxArgument = ["<id>", "the sandbox's id, or the beginning of it"] as const;

function addInit(egress: Command, cli: Cli): void {
  const command = egress
    .command("init")
    .summary("print a policy to begin with, as YAML")
    .action(() => cli.terminal.print(firstPolicy.trimEnd()));
  examples(command, [["alcove egress init > egress.yaml", ""]]);
}

function addApply(egress: Command, cli: Cli): void {
  const command = egress
    .command("apply")
    .summary("replace a sandbox's policy by that of a file, or by one of the group's")
    .description(
      "Replace what a sandbox may reach. It is in force when this ends; connections that it does not allow any more are closed.",
    )
    .argument("<id>", "the sandbox's id, the beginning of it, or KEY=VALUE for all that have the label")
    .option("-f, --file <file>", "a policy, as YAML or JSON")
    .option("--policy <name>", "one of the group's: `alcove egress policy list`");
  command.action(async (id: string, options: { file?: string; policy?: string }) => {
    const wanted = await appliedPolicy(options);
    const sandboxes = await cli.sandboxes(id);
    if (sandboxes.length === 0) throw new UsageError(`No sandbox has ${id}.`, "`alcove list` shows the labels.");
    await Promise.all(sandboxes.map((sandbox) => sandbox.setEgressPolicy(wanted, { signal: cli.signal })));
    warnOfTemplates(cli.terminal, wanted);
    cli.terminal.print(sandboxes.map((sandbox) => sandbox.id).join("\n"));
  });
  examples(command, [
    ["alcove egress apply --file policy.yaml 3f2a", ""],
    ["alcove egress apply --policy packages run=42", "one of the group's, for all with the label"],
  ]);
}

function addShow(egress: Command, cli: Cli): void {
  const command = egress
    .command("show")
    .summary("show what a sandbox may reach")
    .argument(...sandboxArgument);
  addOutputOptions(command, { quiet: false }).action(async (id: string) => {
    const { egressPolicy } = await (await cli.sandbox(id)).info({ signal: cli.signal });
    await printPolicy(cli, egressPolicy);
  });
  examples(command, [["alcove egress show 3f2a", ""]]);
}

function addExport(egress: Command, cli: Cli): void {
  const command = egress
    .command("export")
    .summary("print a sandbox's policy as YAML, for `apply`")
    .argument(...sandboxArgument)
    .action(async (id: string) => {
      const { egressPolicy } = await (await cli.sandbox(id)).info({ signal: cli.signal });
      cli.terminal.print((await yaml(egressPolicy ?? nothing)).trimEnd());
    });
  examples(command, [["alcove egress export 3f2a > egress.yaml", ""]]);
}

interface TestOptions {
  readonly method?: string;
  readonly file?: string;
  readonly policy?: string;
}

function addTest(egress: Command, cli: Cli): void {
  const command = egress
    .command("test")
    .summary("say what would become of a request, and why; nothing is sent")
    .description(
      "Say which rule would decide about a request, and why. Nothing is sent, and no name is resolved. Without a sandbox it is about a file, one of the group's policies, or the group's default.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it; left out, the URL stands here")
    .argument("[url]", "https://HOST/PATH, http://HOST/PATH or tcp://HOST:PORT")
    .option("-X, --method <method>", "default GET")
    .option("-f, --file <file>", "about the policy of a file, instead of a sandbox")
    .option("--policy <name>", "about one of the group's policies");
  addOutputOptions(command, { quiet: false }).action(
    async (id: string, url: string | undefined, options: TestOptions) => {
      const result = await (url === undefined ? testPolicy(cli, id, options) : testSandbox(cli, id, url, options));
      await cli.output.value(result, () => printableLines(testText(result)));
    },
  );
  examples(command, [
    ["alcove egress test 3f2a https://github.com/alcove", ""],
    ["alcove egress test --file policy.yaml -X POST https://github.com/alcove", "before anybody has it"],
    ["alcove egress test --policy packages https://pypi.org/", ""],
  ]);
}

async function testSandbox(cli: Cli, id: string, url: string, { method, file, policy }: TestOptions) {
  if (file !== undefined || policy !== undefined)
    throw new UsageError("With --file or --policy there is no sandbox.", "alcove egress test --file FILE URL");
  return (await cli.sandbox(id)).testEgress(url, { method, signal: cli.signal });
}

async function testPolicy(cli: Cli, url: string, { method, file, policy }: TestOptions) {
  const { egressPolicies } = (await cli.alcove()).defaultGroup;
  const about = file === undefined ? policy : await readPolicy(file);
  return egressPolicies.test(url, about, { method, signal: cli.signal });
}

function addDecisions(egress: Command, cli: Cli): void {
  const command = egress
    .command("decisions")
    .summary("show what a sandbox tried to reach, and what was decided")
    .description(
      "Show the last decisions about a sandbox, newest first; with --follow each as it is made, until Ctrl-C.",
    )
    .argument(...sandboxArgument)
    .option("-f, --follow", "go on with what comes");
  addOutputOptions(command, { quiet: false }).action(async (id: string, { follow }: { follow?: true }) => {
    const sandbox = await cli.sandbox(id);
    if (follow === undefined) {
      const decisions = await sandbox.egressDecisions({ signal: cli.signal });
      return cli.output.value(decisions, () => decisionsText(decisions));
    }
    for await (const line of sandbox.egressDecisions({ follow, signal: cli.signal })) print(cli, line);
  });
  examples(command, [
    ["alcove egress decisions 3f2a", ""],
    ["alcove egress decisions --follow -o json 3f2a | jq -r 'select(.verdict == \"Deny\").host'", "for programs"],
  ]);
}

function print({ output, terminal }: Cli, line: EgressDecision | { readonly lost: number }): void {
  // An item of a YAML list may be written as JSON.
  if (output.format !== "table")
    terminal.print(`${output.format === "yaml" ? "- " : ""}${printableQuoted(JSON.stringify(line))}`);
  else if ("lost" in line) terminal.say(`warning: ${line.lost} decisions were too many to be told`);
  else terminal.print(decisionLine(line));
}

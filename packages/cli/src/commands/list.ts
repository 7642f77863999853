import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { json, type OutputFormat, outputOption, pairs } from "../option-values.js";
import { age, table } from "../table.js";

interface Options {
  readonly label?: Record<string, string>;
  readonly quiet?: true;
  readonly output: OutputFormat;
}

export function addList(program: Command, cli: Cli): void {
  const command = program
    .command("list")
    .alias("ls")
    .summary("list sandboxes")
    .description("List sandboxes, newest first.")
    .option("-l, --label <key=value>", "only those with this label; repeat for more", pairs)
    .option("-q, --quiet", "print ids only")
    .addOption(outputOption())
    .action((options: Options) => list(cli, options));
  examples(command, [
    ["alcove list", ""],
    ["alcove list -l team=blue -o json", "by label, for programs"],
    ["alcove delete $(alcove list -q -l run=42)", "what a run left"],
  ]);
}

async function list(cli: Cli, { label, quiet, output }: Options): Promise<void> {
  const sandboxes = await cli.listSandboxes(label);
  if (quiet === true) {
    if (sandboxes.length > 0) cli.terminal.print(sandboxes.map(({ id }) => id).join("\n"));
    return;
  }
  if (output === "json") return cli.terminal.print(json(sandboxes));
  const rows = sandboxes.map((sandbox) => [
    sandbox.id,
    sandbox.stateDetails.pausedReason === undefined
      ? sandbox.state
      : `${sandbox.state} (${sandbox.stateDetails.pausedReason})`,
    sandbox.sourcesRef.diskImage.name,
    sandbox.resources.cpu,
    sandbox.resources.memory,
    age(sandbox.createdAt, Date.now()),
    Object.entries(sandbox.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  ]);
  cli.terminal.print(table(["ID", "STATE", "IMAGE", "CPU", "MEMORY", "AGE", "LABELS"], rows));
}

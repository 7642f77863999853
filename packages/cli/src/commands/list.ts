import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { openRows } from "../output/rows.js";
import { sandboxView } from "../views/sandbox.js";

interface Options {
  readonly label?: Record<string, string>;
  readonly watch?: true;
}

export function addList(program: Command, cli: Cli): void {
  const command = program
    .command("list")
    .alias("ls")
    .summary("list sandboxes")
    .description("List sandboxes, newest first.")
    .option("-l, --label <key=value>", "only those with this label; repeat for more", pairs)
    .option("--watch", "go on, with a line for each that changes");
  addOutputOptions(command).action((options: Options) => list(cli, options));
  examples(command, [
    ["alcove list", ""],
    ["alcove list -l team=blue -o json", "by label, for programs"],
    ["alcove list --watch -l run=42", "as they change"],
    ["alcove delete $(alcove list -q -l run=42)", "what a run left"],
  ]);
}

async function list(cli: Cli, { label, watch }: Options): Promise<void> {
  if (watch === true) return follow(cli, label);
  await cli.output.list(sandboxView, await cli.listSandboxes(label));
}

async function follow(cli: Cli, labels: Options["label"]): Promise<void> {
  const rows = openRows(cli, sandboxView);
  const { sandboxes } = await cli.alcove();
  for await (const change of sandboxes.watch({ labels, signal: cli.signal })) {
    if (change.type === "changed") rows.print(change.sandbox);
    else rows.gone(change.id);
  }
}

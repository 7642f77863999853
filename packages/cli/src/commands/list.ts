import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { sandboxView } from "../views/sandbox.js";

interface Options {
  readonly label?: Record<string, string>;
}

export function addList(program: Command, cli: Cli): void {
  const command = program
    .command("list")
    .alias("ls")
    .summary("list sandboxes")
    .description("List sandboxes, newest first.")
    .option("-l, --label <key=value>", "only those with this label; repeat for more", pairs);
  addOutputOptions(command).action((options: Options) => list(cli, options));
  examples(command, [
    ["alcove list", ""],
    ["alcove list -l team=blue -o json", "by label, for programs"],
    ["alcove delete $(alcove list -q -l run=42)", "what a run left"],
  ]);
}

async function list(cli: Cli, { label }: Options): Promise<void> {
  await cli.output.list(sandboxView, await cli.listSandboxes(label));
}

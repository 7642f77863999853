import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { sandboxView } from "../views/sandbox.js";

export function addGet(program: Command, cli: Cli): void {
  const command = program
    .command("get")
    .summary("show one sandbox")
    .argument("<id>", "the sandbox's id, or the beginning of it");
  addOutputOptions(command).action((id: string) => get(cli, id));
  examples(command, [
    ["alcove get 3f2a", ""],
    ["alcove get 3f2a -o json | jq -r .state", "for programs"],
  ]);
}

async function get(cli: Cli, id: string): Promise<void> {
  await cli.output.one(sandboxView, await (await cli.sandbox(id)).info({ signal: cli.signal }));
}

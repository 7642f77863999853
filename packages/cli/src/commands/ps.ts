import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { processView } from "../views/process.js";

export function addPs(program: Command, cli: Cli): void {
  const command = program
    .command("ps")
    .summary("list the processes of a sandbox")
    .description("List the processes of a sandbox as it tells them, with the exec that each belongs to.")
    .argument("<id>", "the sandbox's id, or the beginning of it");
  addOutputOptions(command).action((id: string) => list(cli, id));
  examples(command, [
    ["alcove ps 3f2a", ""],
    ["alcove ps -o json 3f2a | jq '.[].pid'", "for programs"],
  ]);
}

async function list(cli: Cli, id: string): Promise<void> {
  await cli.output.list(processView, await (await cli.sandbox(id)).processes({ signal: cli.signal }));
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { exitCodeMeanings } from "../exit-codes.js";
import { table } from "../output/table.js";

export function addExitCodes(program: Command, cli: Cli): void {
  const command = program
    .command("exit-codes")
    .summary("list the exit codes")
    .description("List the codes that commands end with.")
    .addHelpText("before", `${codes()}\n`)
    .action(() => cli.terminal.print(codes()));
  examples(command, [
    ["alcove help exit-codes", ""],
    ["alcove exit-codes", "the table alone"],
  ]);
}

function codes(): string {
  return table(["CODE", "WHEN"], exitCodeMeanings);
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { printableLines } from "../printable.js";

export function addConsole(program: Command, cli: Cli): void {
  const command = program
    .command("console")
    .summary("show the end of a sandbox's console")
    .description("Print what the sandbox's kernel last wrote to its console, at most 64 KiB.")
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .action((id: string) => show(cli, id));
  examples(command, [["alcove console 3f2a", ""]]);
}

/** The sandbox wrote it: on a terminal it must not move the cursor or worse. */
async function show(cli: Cli, id: string): Promise<void> {
  const sandbox = await cli.sandbox(id);
  const text = await sandbox.console({ signal: cli.signal });
  cli.terminal.print(process.stdout.isTTY ? printableLines(text) : text);
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { addWhich, meantSandboxes, type Which, withEach } from "../each-sandbox.js";
import { examples } from "../examples.js";

export function addEnable(program: Command, cli: Cli): void {
  const command = addWhich(program.command("enable"))
    .summary("let disabled sandboxes be resumed again")
    .description("Let disabled sandboxes be resumed again; they stay stopped. Prints the id of each.")
    .action(async (ids: string[], options: Which) => {
      const meant = await meantSandboxes(cli, "enable", ids, options);
      await withEach(cli, meant, (sandbox) => sandbox.enable({ signal: cli.signal }));
    });
  examples(command, [
    ["alcove enable 3f2a", ""],
    ["alcove enable --all", "all of the group"],
  ]);
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { addWhich, meantSandboxes, type Which, withEach } from "../each-sandbox.js";
import { examples } from "../examples.js";

export function addDisable(program: Command, cli: Cli): void {
  const command = addWhich(program.command("disable"))
    .summary("stop sandboxes and let nothing resume them")
    .description(
      "Stop sandboxes, with their memory, and let nothing resume them until they are enabled. Prints the id of each.",
    )
    .action(async (ids: string[], options: Which) => {
      const meant = await meantSandboxes(cli, "disable", ids, options);
      await withEach(cli, meant, (sandbox) => sandbox.disable({ signal: cli.signal }));
    });
  examples(command, [
    ["alcove disable 3f2a", ""],
    ["alcove disable -l run=42", "all with a label"],
  ]);
}

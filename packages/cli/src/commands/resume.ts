import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { addWhich, meantSandboxes, type Which, withEach } from "../each-sandbox.js";
import { examples } from "../examples.js";
import { type FromOptions, fromOf, fromOption } from "../from-option.js";

type Options = Which & FromOptions;

export function addResume(program: Command, cli: Cli): void {
  const command = addWhich(program.command("resume"))
    .summary("let stopped sandboxes go on")
    .description("Let stopped sandboxes go on from what was kept of them. Prints the id of each that runs.")
    .addOption(fromOption())
    .action(async (ids: string[], options: Options) => {
      const meant = await meantSandboxes(cli, "resume", ids, options);
      await withEach(cli, meant, (sandbox) => sandbox.resume({ from: fromOf(options), signal: cli.signal }));
    });
  examples(command, [
    ["alcove resume 3f2a", ""],
    ["alcove resume --from disk 3f2a", "boot it, though its memory is kept"],
    ["alcove resume --all", "all of the group"],
  ]);
}

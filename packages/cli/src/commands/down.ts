import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { refuseElsewhere } from "../connection.js";
import { examples } from "../examples.js";

export function addDown(program: Command, cli: Cli): void {
  const command = program
    .command("down")
    .summary("stop the daemon")
    .description("Stop the daemon. Sandboxes go on running, and the next daemon takes them over.")
    .action(() => down(cli));
  examples(command, [
    ["alcove down", ""],
    ["alcove delete --all && alcove down", "with everything"],
  ]);
}

async function down(cli: Cli): Promise<void> {
  refuseElsewhere(cli.settings(), "down");
  const { stopLocalDaemon } = await import("alcove");
  const slow = setTimeout(() => cli.terminal.progress("The daemon ends what it is doing …"), 1_000);
  try {
    const ran = await stopLocalDaemon({ signal: cli.signal });
    cli.terminal.print(ran ? "stopped" : "no daemon runs");
  } finally {
    clearTimeout(slow);
  }
}

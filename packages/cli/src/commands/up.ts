import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { refuseElsewhere } from "../connection.js";
import { examples } from "../examples.js";

export function addUp(program: Command, cli: Cli): void {
  const command = program
    .command("up")
    .summary("start the daemon")
    .description("Start the daemon of this machine, unless it runs. Other commands start it too when they need it.")
    .action(() => up(cli));
  examples(command, [["alcove up && alcove status", ""]]);
}

async function up(cli: Cli): Promise<void> {
  refuseElsewhere(cli.settings(), "up");
  const alcove = await cli.alcove();
  const { version, pid } = await alcove.version({ signal: cli.signal });
  cli.terminal.print(`alcoved ${version} runs as process ${pid}`);
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { json, type OutputFormat, outputOption } from "../option-values.js";
import { properties } from "../table.js";

export function addStatus(program: Command, cli: Cli): void {
  const command = program
    .command("status")
    .summary("show how the daemon is")
    .description("Show how the daemon is, without starting it. Exits with 1 when none runs.")
    .addOption(outputOption())
    .action(({ output }: { readonly output: OutputFormat }) => status(cli, output));
  examples(command, [
    ["alcove status", ""],
    ["alcove status -o json | jq .sandboxes", ""],
  ]);
}

async function status(cli: Cli, output: OutputFormat): Promise<void> {
  const health = await (await cli.runningAlcove())?.health({ signal: cli.signal });
  if (output === "json") cli.terminal.print(json(health ?? { status: "down" }));
  else if (health === undefined) cli.terminal.print("down: no daemon runs; `alcove up` starts it");
  else {
    const { sandboxes, memory } = health;
    cli.terminal.print(
      properties({
        status: [health.status, ...health.problems].join(": "),
        engine: `${health.engine} (${health.accelerator})`,
        sandboxes: `${sandboxes.running} running, ${sandboxes.creating} being created, ${sandboxes.total} in all`,
        memory: `${memory.committedMiB} MiB promised to sandboxes, ${memory.hostAvailableMiB} MiB free on the host`,
        disk: `${Math.floor(health.diskFreeBytes / 2 ** 30)} GiB free`,
        daemon: `${Math.round(health.daemonResidentBytes / 2 ** 20)} MiB, up ${Math.round(health.uptimeMs / 1_000)} s`,
      }),
    );
  }
  if (health === undefined) throw new Exit(exitCodes.error);
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { properties } from "../output/table.js";
import { cliVersion } from "../version.js";

export function addVersion(program: Command, cli: Cli): void {
  const command = program.command("version").summary("show the versions of the CLI and the daemon");
  addOutputOptions(command, { quiet: false }).action(() => version(cli));
  examples(command, [["alcove version -o json", ""]]);
}

/** Never starts a daemon to ask it. */
async function version(cli: Cli): Promise<void> {
  const daemon = await (await cli.runningAlcove())?.version({ signal: cli.signal });
  await cli.output.value({ cli: cliVersion, daemon: daemon ?? null }, () =>
    properties({ cli: cliVersion, daemon: daemon?.version ?? "not running", node: process.version }),
  );
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { json, type OutputFormat, outputOption } from "../option-values.js";
import { properties } from "../table.js";
import { cliVersion } from "../version.js";

export function addVersion(program: Command, cli: Cli): void {
  const command = program
    .command("version")
    .summary("show the versions of the CLI and the daemon")
    .addOption(outputOption())
    .action(({ output }: { readonly output: OutputFormat }) => version(cli, output));
  examples(command, [["alcove version -o json", ""]]);
}

/** Never starts a daemon to ask it. */
async function version(cli: Cli, output: OutputFormat): Promise<void> {
  const daemon = await (await cli.runningAlcove())?.version({ signal: cli.signal });
  if (output === "json") return cli.terminal.print(json({ cli: cliVersion, daemon: daemon ?? null }));
  cli.terminal.print(properties({ cli: cliVersion, daemon: daemon?.version ?? "not running", node: process.version }));
}

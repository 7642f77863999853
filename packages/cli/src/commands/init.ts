import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";

export function addInit(program: Command, cli: Cli): void {
  const command = program
    .command("init")
    .summary("print a manifest to begin with: a sandbox in a file")
    .action(async () => cli.terminal.print((await import("../manifest/manifest-file.js")).firstManifest.trimEnd()));
  examples(command, [["alcove init > alcove.yaml", ""]]);
}

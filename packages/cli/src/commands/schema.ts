import { manifestSchema } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";

export function addSchema(program: Command, cli: Cli): void {
  const command = program
    .command("schema")
    .summary("print the JSON Schema of manifests, for editors")
    .action(() => cli.terminal.print(JSON.stringify(manifestSchema(), undefined, 2)));
  examples(command, [["alcove schema > sandbox.schema.json", ""]]);
}

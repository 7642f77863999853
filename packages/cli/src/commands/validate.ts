import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { warnOfTemplates } from "../egress/template-warnings.js";
import { examples } from "../examples.js";
import { fileOption, manifestsOf } from "../manifest/file-option.js";

export function addValidate(program: Command, cli: Cli): void {
  const command = program
    .command("validate")
    .summary("check manifests in a file; no server is asked")
    .description(
      "Check the manifests of a file. What is wrong is told by line and column. No server is asked: which images, secrets and policies there are it does not know.",
    )
    .option(...fileOption)
    .action(async ({ file }: { file: string }) => {
      const manifests = await manifestsOf(file);
      for (const { name, egressPolicy } of manifests) warnOfTemplates(cli.terminal, egressPolicy, name);
      cli.terminal.print(manifests.map(({ name }) => `${name} is valid`).join("\n"));
    });
  examples(command, [
    ["alcove validate", ""],
    ["alcove validate --file alcove.yaml", ""],
  ]);
}

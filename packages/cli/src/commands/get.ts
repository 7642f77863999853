import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { json, type OutputFormat, outputOption } from "../option-values.js";
import { properties } from "../table.js";

export function addGet(program: Command, cli: Cli): void {
  const command = program
    .command("get")
    .summary("show one sandbox")
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .addOption(outputOption())
    .action((id: string, { output }: { readonly output: OutputFormat }) => get(cli, id, output));
  examples(command, [
    ["alcove get 3f2a", ""],
    ["alcove get 3f2a -o json | jq -r .state", "for programs"],
  ]);
}

async function get(cli: Cli, id: string, output: OutputFormat): Promise<void> {
  const sandbox = await (await cli.sandbox(id)).info({ signal: cli.signal });
  if (output === "json") return cli.terminal.print(json(sandbox));
  const { stateDetails } = sandbox;
  const labels = Object.entries(sandbox.labels).map(([key, value]) => `${key}=${value}`);
  const program = [...sandbox.entrypoint, ...sandbox.cmd];
  cli.terminal.print(
    properties({
      id: sandbox.id,
      state: sandbox.state,
      reason: stateDetails.stoppedReason ?? stateDetails.pausedReason,
      message: stateDetails.message,
      image: sandbox.sourcesRef.diskImage.name,
      cpu: sandbox.resources.cpu,
      memory: sandbox.resources.memory,
      disk: sandbox.resources.disk,
      engine: sandbox.engine,
      program: program.length === 0 ? undefined : program.join(" "),
      labels: labels.length === 0 ? undefined : labels.join(", "),
      created: sandbox.createdAt,
    }),
  );
}

import type { Sandbox } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { openRows } from "../output/rows.js";
import { sandboxView } from "../views/sandbox.js";

export function addGet(program: Command, cli: Cli): void {
  const command = program
    .command("get")
    .summary("show one sandbox")
    .argument("<id>", "the sandbox's id, the beginning of it, or KEY=VALUE for all that have the label")
    .option("--watch", "go on, and show it again whenever it changes, until it is gone");
  addOutputOptions(command).action((id: string, { watch }: { readonly watch?: true }) =>
    watch === true ? follow(cli, id) : get(cli, id),
  );
  examples(command, [
    ["alcove get 3f2a", ""],
    ["alcove get --watch 3f2a", "as it changes"],
    ["alcove get 3f2a -o json | jq -r .state", "for programs"],
  ]);
}

async function get(cli: Cli, id: string): Promise<void> {
  const found = await cli.sandboxes(id);
  if (!id.includes("=")) return cli.output.one(sandboxView, await (found[0] as Sandbox).info({ signal: cli.signal }));
  const records = await Promise.all(found.map((sandbox) => sandbox.info({ signal: cli.signal })));
  await cli.output.list(sandboxView, records);
}

async function follow(cli: Cli, id: string): Promise<void> {
  const sandbox = await cli.sandbox(id);
  const rows = openRows(cli, sandboxView);
  for await (const record of sandbox.watch({ signal: cli.signal })) rows.print(record);
}

import type { ProcessList } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { intervalMs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { processView } from "../views/process.js";

interface Options {
  readonly follow?: true;
  readonly interval?: number;
}

export function addPs(program: Command, cli: Cli): void {
  const command = program
    .command("ps")
    .alias("top")
    .summary("list the processes of a sandbox")
    .description(
      "List the processes of a sandbox as it tells them, with the exec that each belongs to. Looking wakes it as little as it keeps it awake: one that does not run has none.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .option("-f, --follow", "again and again, until Ctrl-C or until it is gone; as JSON a line each time")
    .option("--interval <time>", "how often, such as 1s; default 2s", intervalMs);
  addOutputOptions(command).action((id: string, options: Options) => list(cli, id, options));
  examples(command, [
    ["alcove ps 3f2a", ""],
    ["alcove ps --follow 3f2a", "again every two seconds"],
    ["alcove ps -o json 3f2a | jq '.[].pid'", "for programs"],
  ]);
}

async function list(cli: Cli, id: string, { follow, interval }: Options): Promise<void> {
  const sandbox = await cli.sandbox(id);
  for await (const found of sandbox.followProcesses({ intervalMs: interval, signal: cli.signal })) {
    await print(cli, found, follow === true);
    if (follow === undefined) return;
  }
}

async function print(cli: Cli, found: ProcessList, isFollowed: boolean): Promise<void> {
  const { output, terminal } = cli;
  if (isFollowed && output.format !== "table") {
    // An item of a YAML list may be written as JSON.
    terminal.print(`${output.format === "yaml" ? "- " : ""}${JSON.stringify(found)}`);
    return;
  }
  if (isFollowed) terminal.print(`${found.readAt ?? ""} ${found.state}`.trim());
  else if (found.state !== "Running") terminal.say(`The sandbox is ${found.state}: nothing runs in it.`);
  await output.list(processView, found.processes);
}

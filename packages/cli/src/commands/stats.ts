import type { SandboxStats } from "@alcove/contract";
import type { Sandbox } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { intervalMs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { cpuPercent, type NamedStats, statsHeading, statsLine, statsTable } from "../views/stats.js";

interface Options {
  readonly follow?: true;
  readonly interval?: number;
}

export function addStats(program: Command, cli: Cli): void {
  const command = program
    .command("stats")
    .summary("show what sandboxes use")
    .description(
      "Show what sandboxes use: processor time since their start (with --follow the share of a core, from the second line on), memory, disk, network as the gateway counted it, processes. Looking wakes none and keeps none awake; of one that does not run is shown what is known.",
    )
    .argument("[id]", "the sandbox's id, the beginning of it, or KEY=VALUE for all that have the label; default: all")
    .option("-f, --follow", "go on, a line for each look, until Ctrl-C or until all are gone")
    .option("--interval <time>", "how often, such as 1s; default 2s", intervalMs);
  addOutputOptions(command, { quiet: false }).action(async (id: string | undefined, options: Options) => {
    const sandboxes = await wanted(cli, id);
    if (options.follow === undefined) return show(cli, sandboxes);
    await follow(cli, sandboxes, options.interval);
  });
  examples(command, [
    ["alcove stats", "of all sandboxes of the group"],
    ["alcove stats --follow 3f2a", ""],
    ["alcove stats -o json 3f2a | jq '.[0].network'", "for programs"],
  ]);
}

async function wanted(cli: Cli, text: string | undefined): Promise<Sandbox[]> {
  if (text !== undefined) return cli.sandboxes(text);
  const { sandboxes } = await cli.alcove();
  return (await cli.listSandboxes()).map(({ id }) => sandboxes.connect(id));
}

async function show(cli: Cli, sandboxes: readonly Sandbox[]): Promise<void> {
  const look = async (sandbox: Sandbox) => ({ id: sandbox.id, ...(await sandbox.stats({ signal: cli.signal })) });
  const all = await Promise.all(sandboxes.map(look));
  await cli.output.value(all, () => statsTable(all));
}

async function follow(cli: Cli, sandboxes: readonly Sandbox[], everyMs: number | undefined): Promise<void> {
  const { output, terminal } = cli;
  if (output.format === "table") terminal.print(statsHeading());
  const print = (stats: NamedStats) => {
    // An item of a YAML list may be written as JSON.
    if (output.format === "table") terminal.print(statsLine(stats));
    else terminal.print(`${output.format === "yaml" ? "- " : ""}${JSON.stringify(stats)}`);
  };
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      let before: SandboxStats | undefined;
      for await (const stats of sandbox.followStats({ intervalMs: everyMs, signal: cli.signal })) {
        const percent = cpuPercent(before, stats);
        print({ id: sandbox.id, ...stats, ...(percent !== undefined && { cpuPercent: percent }) });
        before = stats;
      }
    }),
  );
}

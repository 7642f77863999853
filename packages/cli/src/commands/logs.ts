import { pipeline } from "node:stream/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { momentPast } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { printableQuoted } from "../printable.js";

interface Options {
  readonly tail?: number;
  readonly since?: string;
  readonly follow?: true;
  readonly exec?: string;
}

export function addLogs(program: Command, cli: Cli): void {
  const command = program
    .command("logs")
    .summary("show what a sandbox's program wrote")
    .description(
      "Show the last lines of the program that was started with a sandbox, running or ended. The newest 1 MiB of its output is kept. As JSON, a line each, with stream and time.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .option(
      "-n, --tail <lines>",
      "so many lines from before, at most 300; default 100, with --since all that are kept",
      lineCount,
    )
    .option("--since <time>", "none from before: 10m ago, 2026-01-31, or 2026-01-31T12:00:00Z", momentPast)
    .option("-f, --follow", "go on until the program ends, also over stops of the sandbox")
    .option("--exec <id>", "another exec's log, by its whole id");
  addOutputOptions(command, { quiet: false }).action((id: string, options: Options) => show(cli, id, options));
  examples(command, [
    ["alcove logs 3f2a", ""],
    ["alcove logs --follow --tail 10 3f2a", "the last ten lines, and what comes"],
    ["alcove logs --since 10m 3f2a", "what it wrote in the last ten minutes"],
    ["alcove logs -o json 3f2a | jq -r 'select(.stream == \"stderr\").line'", "for programs"],
  ]);
}

async function show(cli: Cli, id: string, { tail, since, follow, exec }: Options): Promise<void> {
  const sandbox = await cli.sandbox(id);
  const options = { tail, since, follow, execId: exec, signal: cli.signal };
  const { format } = cli.output;
  if (format !== "table") {
    // An item of a YAML list may be written as JSON.
    const item = format === "yaml" ? "- " : "";
    for await (const entry of sandbox.logs(options))
      cli.terminal.print(`${item}${printableQuoted(JSON.stringify(entry))}`);
    return;
  }
  await pipeline(await sandbox.logText(options), process.stdout, { end: false });
}

function lineCount(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 300)
    throw new InvalidArgumentError("It must be a number from 0 to 300.");
  return Number(text);
}

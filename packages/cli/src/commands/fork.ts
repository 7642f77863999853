import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { sandboxView } from "../views/sandbox.js";

interface Options {
  readonly count: number;
  readonly label?: Record<string, string>;
  readonly seed?: string;
}

export function addFork(program: Command, cli: Cli): void {
  const command = program
    .command("fork")
    .summary("copy a running sandbox")
    .description(
      "Copy a running sandbox with its disk, its memory and its processes, as it is at one instant, and print the ids of the copies.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .option("-n, --count <number>", "so many copies, at most 100", countOf, 1)
    .option("--seed <digits>", "64 to 1024 hexadecimal digits: the same random numbers in every such fork")
    .option("-l, --label <key=value>", "of the copies; repeat for more", pairs);
  addOutputOptions(command).action((id: string, options: Options) => fork(cli, id, options));
  examples(command, [
    ["alcove fork 3f2a", ""],
    ["alcove fork --count 3 -l try=1 3f2a", "three, found again by their label"],
  ]);
}

/** Prints those that are there, tells of the others, and fails when there are others. */
async function fork(cli: Cli, id: string, { count, label: labels, seed }: Options): Promise<void> {
  const sandbox = await cli.sandbox(id);
  const { sandboxes, errors } = await sandbox.fork(count, { labels, seed, signal: cli.signal });
  if (cli.output.format === "table") for (const copy of sandboxes) cli.terminal.print(copy.id);
  else await cli.output.list(sandboxView, await Promise.all(sandboxes.map((copy) => copy.info())));
  const [first] = errors;
  if (first === undefined) return;
  cli.terminal.say(`${sandboxes.length} of ${count} copies were made.`);
  cli.report(first.error);
  throw new Exit(exitCodes.error);
}

function countOf(text: string): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 100) throw new InvalidArgumentError("It must be a number from 1 to 100.");
  return count;
}

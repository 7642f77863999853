import type { CreateOptions } from "alcove";
import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "../cli.js";
import { addSizeOptions, createManyWithProgress, createWithProgress, type SizeOptions } from "../creation.js";
import { examples } from "../examples.js";
import { Exit, exitCodes, UsageError } from "../exit-codes.js";
import { report } from "../failure.js";
import { json, type OutputFormat, outputOption, pairs } from "../option-values.js";
import { programOf } from "../process-options.js";

interface Options extends SizeOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly count?: number;
  readonly wait: boolean;
  readonly output: OutputFormat;
}

export function addCreate(program: Command, cli: Cli): void {
  const command = program
    .command("create")
    .summary("create a sandbox")
    .description(
      "Create a sandbox, start it and print its id. The image is built first where it is not there yet. With --count, create many and print the ids of those that are there.",
    )
    .argument("<image>", "the image, such as debian")
    .argument("[program...]", "a program to start with it, behind -- if you like");
  addSizeOptions(command)
    .option("-e, --env <key=value>", "given to every program in it; repeat for more", pairs)
    .option("-w, --cwd <directory>", "where programs start")
    .option("-n, --count <number>", "so many of a kind, at most 1000", countOf)
    .option("--no-wait", "print the id while the sandbox is still being created")
    .addOption(outputOption())
    .passThroughOptions()
    .action((image: string, words: string[], options: Options) => create(cli, image, words, options));
  examples(command, [
    ["id=$(alcove create debian)", ""],
    ["alcove create --cpu 2 --memory 4Gi -l run=42 debian", "larger, with a label"],
    ["alcove create debian -- python3 -m http.server", "with a program"],
    ["alcove create --count 20 -l run=42 debian", "twenty, found again by their label"],
  ]);
}

async function create(cli: Cli, image: string, words: readonly string[], options: Options): Promise<void> {
  const { label: labels, env, cwd, cpu, memory, disk, output, wait, count } = options;
  const cmd = programOf(words);
  const creation = { image, cpu, memory, disk, labels, env, cwd, cmd };
  if (count !== undefined) {
    if (!wait) throw new UsageError("--count and --no-wait do not go together.", "Leave one of them out.");
    return createMany(cli, count, creation, output);
  }
  const sandbox = await createWithProgress(cli, { ...creation, wait });
  cli.terminal.print(output === "json" ? json(await sandbox.info({ signal: cli.signal })) : sandbox.id);
}

/** Prints those that are there, tells of the others, and fails when there are others. */
async function createMany(cli: Cli, count: number, creation: CreateOptions, output: OutputFormat): Promise<void> {
  const { sandboxes, errors } = await createManyWithProgress(cli, count, creation);
  if (output === "json") cli.terminal.print(json(await Promise.all(sandboxes.map((sandbox) => sandbox.info()))));
  else if (sandboxes.length > 0) cli.terminal.print(sandboxes.map(({ id }) => id).join("\n"));
  const [first] = errors;
  if (first === undefined) return;
  cli.terminal.say(`${sandboxes.length} of ${count} sandboxes were created.`);
  report(first.error, cli.terminal);
  throw new Exit(exitCodes.error);
}

function countOf(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 1_000) throw new InvalidArgumentError("It must be a number from 1 to 1000.");
  return count;
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { addSizeOptions, createWithProgress, type SizeOptions } from "../creation.js";
import { examples } from "../examples.js";
import { json, type OutputFormat, outputOption, pairs } from "../option-values.js";
import { programOf } from "../process-options.js";

interface Options extends SizeOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly output: OutputFormat;
}

export function addCreate(program: Command, cli: Cli): void {
  const command = program
    .command("create")
    .summary("create a sandbox")
    .description("Create a sandbox, start it and print its id. The image is built first where it is not there yet.")
    .argument("<image>", "the image, such as debian")
    .argument("[program...]", "a program to start with it, behind -- if you like");
  addSizeOptions(command)
    .option("-e, --env <key=value>", "given to every program in it; repeat for more", pairs)
    .option("-w, --cwd <directory>", "where programs start")
    .addOption(outputOption())
    .passThroughOptions()
    .action((image: string, words: string[], options: Options) => create(cli, image, words, options));
  examples(command, [
    ["id=$(alcove create debian)", ""],
    ["alcove create --cpu 2 --memory 4Gi -l run=42 debian", "larger, with a label"],
    ["alcove create debian -- python3 -m http.server", "with a program"],
  ]);
}

async function create(cli: Cli, image: string, words: readonly string[], options: Options): Promise<void> {
  const { label: labels, env, cwd, cpu, memory, disk, output } = options;
  const cmd = programOf(words);
  const sandbox = await createWithProgress(cli, { image, cpu, memory, disk, labels, env, cwd, cmd });
  cli.terminal.print(output === "json" ? json(await sandbox.info({ signal: cli.signal })) : sandbox.id);
}

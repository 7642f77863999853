import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { addSizeOptions, createWithProgress, type SizeOptions } from "../creation.js";
import { addPolicyOptions, type PolicyOptions, policyOf } from "../egress/policy-options.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { follow, interruptionOptions } from "../follow.js";
import { addProgramOptions, type ProgramOptions, programOf, spawnOptions } from "../process-options.js";
import { addGroupSecretOptions, type GroupSecretOptions, groupSecretsOf } from "../secrets/group-secrets.js";
import { passThrough } from "./exec.js";

interface Options extends ProgramOptions, SizeOptions, PolicyOptions, GroupSecretOptions {
  readonly keep?: true;
}

const deletesIt = {
  interrupted:
    "The sandbox is deleted as soon as it is there. Ctrl-C again leaves at once, and may leave it: see `alcove list`.",
};

export function addRun(program: Command, cli: Cli): void {
  const command = program
    .command("run")
    .summary("run a program in a new sandbox")
    .description(
      "Create a sandbox, run a program in it and delete it again: its output as it comes, its exit code as ours. 124 when --timeout ended it, 125 when Alcove failed.",
    )
    .argument("<image>", "the image, such as debian")
    .argument("<program...>", "the program and its arguments, behind -- if you like")
    .option("--keep", "keep the sandbox, and say its id on standard error");
  addGroupSecretOptions(addProgramOptions(addPolicyOptions(addSizeOptions(command)))).action(
    (image: string, words: string[], options: Options) => run(cli, image, words, options),
  );
  examples(command, [
    ["alcove run debian -- python3 -c 'print(6 * 7)'", ""],
    ["alcove run -t 30s debian -- sh -c 'exit 3'; echo $?", "at most 30 seconds; prints 3"],
    ["alcove run debian -- wc -l < data.csv", "what is piped is its input"],
    ["alcove run --allow-host example.com debian -- true", "it may reach that host by https, and nothing else"],
    ["alcove run --keep --memory 4Gi debian -- uname -a", "look around afterwards"],
  ]);
}

async function run(cli: Cli, image: string, words: readonly string[], options: Options): Promise<void> {
  const program = programOf(words);
  if (program === undefined)
    throw new UsageError("There is no program to run.", "alcove run IMAGE -- PROGRAM [ARGUMENT…]");
  const { label: labels, tier, cpu, memory, disk } = options;
  const egressPolicy = await policyOf(options);
  return passThrough(cli, async () => {
    const sandbox = await createWithProgress(
      cli,
      { image, tier, cpu, memory, disk, labels, egressPolicy, secrets: groupSecretsOf(options) },
      options.keep ? undefined : deletesIt,
    );
    if (options.keep === true) cli.terminal.say(`sandbox ${sandbox.id}`);
    try {
      cli.signal.throwIfAborted();
      return await follow(
        cli,
        await sandbox.spawn(program, { ...spawnOptions(options), ...interruptionOptions(cli) }),
        options.timeout,
      );
    } finally {
      if (options.keep !== true) await sandbox.delete();
    }
  });
}

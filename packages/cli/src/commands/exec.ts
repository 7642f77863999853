import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes, UsageError } from "../exit-codes.js";
import { follow, interruptionOptions } from "../follow.js";
import { names } from "../option-values.js";
import { addProgramOptions, type ProgramOptions, programOf, spawnOptions } from "../process-options.js";

interface Options extends ProgramOptions {
  readonly secret?: string[];
  readonly detach?: true;
}

export function addExec(program: Command, cli: Cli): void {
  const command = program
    .command("exec")
    .summary("run a program in a sandbox")
    .description(
      "Run a program in a sandbox: its output as it comes, its exit code as ours. 124 when --timeout ended it, 125 when Alcove failed. Ctrl-C goes to the program; a second one kills it.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .argument("<program...>", "the program and its arguments, behind -- if you like")
    .option("--secret <name>", "add this secret of the sandbox to its environment; repeat for more", names)
    .option("-d, --detach", "leave it running and print the exec's id");
  addProgramOptions(command).action((id: string, words: string[], options: Options) => run(cli, id, words, options));
  examples(command, [
    ["alcove exec 3f2a -- python3 -c 'print(6 * 7)'", ""],
    ["alcove exec -w /srv -e DEBUG=1 3f2a -- make test", "directory and environment"],
    ["alcove exec --secret TOKEN 3f2a -- sh -c 'echo $TOKEN'", "with a secret it was created with"],
    ["alcove exec 3f2a -- sh -c 'ls | wc -l'", "a line for the shell"],
    ["tar c . | alcove exec 3f2a -- tar x -C /srv", "what is piped is its input"],
    ["alcove exec --detach 3f2a -- sleep 600", "see also: alcove attach"],
  ]);
}

async function run(cli: Cli, id: string, words: readonly string[], options: Options): Promise<void> {
  const program = programOf(words);
  if (program === undefined)
    throw new UsageError("There is no program to run.", "alcove exec ID -- PROGRAM [ARGUMENT…]");
  const spawning = { ...spawnOptions(options), ...interruptionOptions(cli), secrets: options.secret };
  if (options.detach === true) {
    const sandbox = await cli.sandbox(id);
    const handle = await sandbox.spawn(program, { ...spawning, stdin: false, detached: true });
    cli.terminal.print(handle.id);
    return handle[Symbol.asyncDispose]();
  }
  return passThrough(cli, async () => {
    const sandbox = await cli.sandbox(id);
    return follow(cli, await sandbox.spawn(program, spawning), options.timeout);
  });
}

/** Ends with the program's exit code; what fails on our side is told and becomes 125, which is not taken for one. */
export async function passThrough(cli: Cli, work: () => Promise<number>): Promise<never> {
  try {
    throw new Exit(await work());
  } catch (failure) {
    if (failure instanceof Exit || failure instanceof UsageError || cli.signal.aborted) throw failure;
    cli.report(failure);
    throw new Exit(exitCodes.execFailed);
  } finally {
    // Whoever holds the other end of our input may keep it open; the program that read it has ended.
    process.stdin.destroy();
  }
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes, UsageError } from "../exit-codes.js";
import { pairs } from "../option-values.js";

interface Options {
  readonly all?: true;
  readonly label?: Record<string, string>;
  readonly wait: boolean;
}

export function addDelete(program: Command, cli: Cli): void {
  const command = program
    .command("delete")
    .alias("rm")
    .summary("delete sandboxes")
    .description("Delete sandboxes and everything in them, at once and for ever. Prints the id of each that is gone.")
    .argument("[ids...]", "ids, or beginnings of them")
    .option("--all", "all sandboxes, or with --label all that have it")
    .option("-l, --label <key=value>", "with --all: only those with this label; repeat for more", pairs)
    .option("--no-wait", "print the ids while the sandboxes are still being deleted")
    .action((ids: string[], options: Options) => deleteAll(cli, ids, options));
  examples(command, [
    ["alcove delete 3f2a 9c01", ""],
    ["alcove delete --all -l run=42", "all with a label"],
    ["alcove delete --all", "all"],
  ]);
}

/** Goes on after a failure, so that one sandbox does not keep the others; the exit code tells. */
async function deleteAll(cli: Cli, ids: readonly string[], options: Options): Promise<void> {
  if (ids.length > 0 === (options.all === true)) {
    throw new UsageError("Say either which sandboxes or --all.", "alcove delete ID…, or alcove delete --all");
  }
  if (options.label !== undefined && options.all !== true) {
    throw new UsageError("--label goes with --all.", "alcove delete --all --label key=value");
  }
  const chosen = options.all === true ? (await cli.listSandboxes(options.label)).map(({ id }) => id) : ids;
  const outcomes = await Promise.allSettled(
    chosen.map(async (id) => {
      const sandbox = await cli.sandbox(id);
      await sandbox.delete({ wait: options.wait, signal: cli.signal });
      cli.terminal.print(sandbox.id);
    }),
  );
  const failures = outcomes.filter((outcome) => outcome.status === "rejected");
  for (const { reason } of failures) cli.report(reason);
  if (failures.length > 0) throw new Exit(exitCodes.error);
}

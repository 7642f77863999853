import type { Command } from "commander";
import { confirm } from "../ask.js";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes, UsageError } from "../exit-codes.js";
import { pairs } from "../option-values.js";

interface Options {
  readonly all?: true;
  readonly label?: Record<string, string>;
  readonly wait: boolean;
  readonly yes?: true;
}

export function addDelete(program: Command, cli: Cli): void {
  const command = program
    .command("delete")
    .alias("rm")
    .summary("delete sandboxes")
    .description("Delete sandboxes and everything in them, at once and for ever. Prints the id of each that is gone.")
    .argument("[ids...]", "ids, beginnings of them, or KEY=VALUE for all that have the label")
    .option("--all", "all sandboxes of the group")
    .option("-l, --label <key=value>", "all that have this label; repeat for more", pairs)
    .option("-y, --yes", "do not ask before more than was named by its id is deleted")
    .option("--no-wait", "print the ids while the sandboxes are still being deleted")
    .action((ids: string[], options: Options) => deleteAll(cli, ids, options));
  examples(command, [
    ["alcove delete 3f2a 9c01", ""],
    ["alcove delete -l run=42", "all with a label"],
    ["alcove delete --all", "all"],
  ]);
}

/** Goes on after a failure, so that one sandbox does not keep the others; the exit code tells. */
async function deleteAll(cli: Cli, ids: readonly string[], options: Options): Promise<void> {
  const isAll = options.all === true || options.label !== undefined;
  if (ids.length > 0 === isAll) {
    const hint = "alcove delete ID…, alcove delete --label KEY=VALUE, or alcove delete --all";
    throw new UsageError("Say either which sandboxes, or --label, or --all.", hint);
  }
  const found = isAll
    ? (await cli.listSandboxes(options.label)).map(({ id }) => cli.sandbox(id))
    : (await Promise.all(ids.map((id) => cli.sandboxes(id).catch(failed)))).flat();
  const isWide = isAll || ids.some((id) => id.includes("="));
  if (isWide && found.length > 0 && !(await isMeant(cli, found.length, options))) return;
  const outcomes = await Promise.allSettled(
    found.map(async (finding) => {
      const sandbox = await finding;
      await sandbox.delete({ wait: options.wait, signal: cli.signal });
      cli.terminal.print(sandbox.id);
    }),
  );
  const failures = outcomes.filter((outcome) => outcome.status === "rejected");
  for (const { reason } of failures) cli.report(reason);
  if (failures.length > 0) throw new Exit(exitCodes.error);
}

/** A failure among those that were named is told with the others. */
function failed(failure: unknown): [Promise<never>] {
  const rejected = Promise.reject(failure);
  rejected.catch(() => undefined);
  return [rejected];
}

/** Programs are not asked. */
async function isMeant(cli: Cli, count: number, { yes }: Options): Promise<boolean> {
  if (yes === true || !process.stdin.isTTY) return true;
  return confirm(cli, `Delete ${count} ${count === 1 ? "sandbox" : "sandboxes"} and everything in them?`);
}

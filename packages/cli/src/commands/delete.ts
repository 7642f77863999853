import type { Command } from "commander";
import { confirm } from "../ask.js";
import type { Cli } from "../cli.js";
import { addWhich, meantSandboxes, type Which, withEach } from "../each-sandbox.js";
import { examples } from "../examples.js";

interface Options extends Which {
  readonly wait: boolean;
  readonly yes?: true;
}

export function addDelete(program: Command, cli: Cli): void {
  const command = addWhich(program.command("delete"))
    .alias("rm")
    .summary("delete sandboxes")
    .description("Delete sandboxes and everything in them, at once and for ever. Prints the id of each that is gone.")
    .option("-y, --yes", "do not ask before more than was named by its id is deleted")
    .option("--no-wait", "print the ids while the sandboxes are still being deleted")
    .action((ids: string[], options: Options) => deleteAll(cli, ids, options));
  examples(command, [
    ["alcove delete 3f2a 9c01", ""],
    ["alcove delete -l run=42", "all with a label"],
    ["alcove delete --all", "all"],
  ]);
}

async function deleteAll(cli: Cli, ids: readonly string[], options: Options): Promise<void> {
  const meant = await meantSandboxes(cli, "delete", ids, options);
  const { length } = meant.found;
  if (meant.isWide && length > 0 && !(await isMeant(cli, length, options))) return;
  await withEach(cli, meant, (sandbox) => sandbox.delete({ wait: options.wait, signal: cli.signal }));
}

/** Programs are not asked. */
async function isMeant(cli: Cli, count: number, { yes }: Options): Promise<boolean> {
  if (yes === true || !process.stdin.isTTY) return true;
  return confirm(cli, `Delete ${count} ${count === 1 ? "sandbox" : "sandboxes"} and everything in them?`);
}

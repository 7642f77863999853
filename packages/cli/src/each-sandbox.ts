/** Commands that take several sandboxes: by id, by label, or all of the group. */
import type { Sandbox } from "alcove";
import type { Command } from "commander";
import type { Cli } from "./cli.js";
import { Exit, exitCodes, UsageError } from "./exit-codes.js";
import { pairs } from "./option-values.js";

export interface Which {
  readonly all?: true;
  readonly label?: Record<string, string>;
}

/** Those that were meant; a failure among those that were named is told with the others. */
export interface Meant {
  readonly found: readonly (Sandbox | Promise<Sandbox>)[];
  /** More than what was named by its id. */
  readonly isWide: boolean;
}

export function addWhich(command: Command): Command {
  return command
    .argument("[ids...]", "ids, beginnings of them, or KEY=VALUE for all that have the label")
    .option("--all", "all sandboxes of the group")
    .option("-l, --label <key=value>", "all that have this label; repeat for more", pairs);
}

export async function meantSandboxes(cli: Cli, verb: string, ids: readonly string[], which: Which): Promise<Meant> {
  const isAll = which.all === true || which.label !== undefined;
  if (ids.length > 0 === isAll) {
    const hint = `alcove ${verb} ID…, alcove ${verb} --label KEY=VALUE, or alcove ${verb} --all`;
    throw new UsageError("Say either which sandboxes, or --label, or --all.", hint);
  }
  const found = isAll
    ? (await cli.listSandboxes(which.label)).map(({ id }) => cli.sandbox(id))
    : (await Promise.all(ids.map((id) => cli.sandboxes(id).catch(failed)))).flat();
  return { found, isWide: isAll || ids.some((id) => id.includes("=")) };
}

/** Prints the id of each that it is done with. Goes on after a failure, so that one does not keep the others; the exit code tells. */
export async function withEach(
  cli: Cli,
  { found }: Meant,
  deed: (sandbox: Sandbox) => Promise<unknown>,
): Promise<void> {
  const outcomes = await Promise.allSettled(
    found.map(async (finding) => {
      const sandbox = await finding;
      await deed(sandbox);
      cli.terminal.print(sandbox.id);
    }),
  );
  const failures = outcomes.filter((outcome) => outcome.status === "rejected");
  for (const { reason } of failures) cli.report(reason);
  if (failures.length > 0) throw new Exit(exitCodes.error);
}

function failed(failure: unknown): [Promise<never>] {
  const rejected = Promise.reject(failure);
  rejected.catch(() => undefined);
  return [rejected];
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { type FromOptions, fromOf, fromOption } from "../from-option.js";
import { addOutputOptions } from "../output/output.js";
import { findSnapshot } from "../snapshot-name.js";
import { sandboxView } from "../views/sandbox.js";

export function addRollback(program: Command, cli: Cli): void {
  const command = program
    .command("rollback")
    .summary("take a sandbox back to one of its snapshots")
    .description(
      "Take a sandbox back to one of its snapshots, in place: it keeps its id. What it was is given up, without a question; take a snapshot first where it may be wanted.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .argument("<snapshot>", "the snapshot's id, the beginning of it, or its name")
    .addOption(fromOption());
  addOutputOptions(command).action(async (id: string, text: string, options: FromOptions) => {
    const sandbox = await cli.sandbox(id);
    const snapshot = await findSnapshot(await cli.alcove(), text, cli.signal);
    await cli.output.one(
      sandboxView,
      await sandbox.rollback(snapshot.id, { from: fromOf(options), signal: cli.signal }),
    );
  });
  examples(command, [
    ["alcove rollback 3f2a clean", ""],
    ["alcove rollback --from disk 3f2a clean", "boot it from the snapshot's disk, though its memory is kept"],
  ]);
}

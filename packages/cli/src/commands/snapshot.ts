import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { addSnapshotExport, addSnapshotImport } from "../snapshot-archive.js";
import { findSnapshot } from "../snapshot-name.js";
import { snapshotView } from "../views/snapshot.js";

interface Options {
  readonly name?: string;
  readonly label?: Record<string, string>;
}

export function addSnapshot(program: Command, cli: Cli): void {
  const snapshot = program
    .command("snapshot")
    .summary("take, list and delete snapshots of sandboxes")
    .description(
      "What a sandbox was at one instant: disk, memory and running processes. `alcove create --snapshot` starts from one.",
    );
  for (const add of [addCreate, addList, addGet, addDelete, addSnapshotExport, addSnapshotImport]) add(snapshot, cli);
  examples(snapshot, [
    ["alcove snapshot create 3f2a --name clean", ""],
    ["alcove create --snapshot clean", "another sandbox that goes on from there"],
    ["alcove snapshot list", ""],
  ]);
}

function addCreate(snapshot: Command, cli: Cli): void {
  const command = snapshot
    .command("create")
    .summary("take a snapshot of a sandbox")
    .description("Take a snapshot of a sandbox, which goes on at once, and print its id.")
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .option("--name <name>", "words to find it by")
    .option("-l, --label <key=value>", "to find it by; repeat for more", pairs);
  addOutputOptions(command).action(async (id: string, { name, label: labels }: Options) => {
    const taken = await (await cli.sandbox(id)).snapshot({ name, labels, signal: cli.signal });
    if (cli.output.format === "table") return cli.terminal.print(taken.id);
    await cli.output.one(snapshotView, taken);
  });
  examples(command, [
    ["alcove snapshot create 3f2a", ""],
    ["alcove snapshot create 3f2a --name 'before the update' -l run=42", "with a name and a label"],
  ]);
}

function addList(snapshot: Command, cli: Cli): void {
  const command = snapshot
    .command("list")
    .alias("ls")
    .summary("list snapshots, newest first")
    .option("--sandbox <id>", "only those of this sandbox")
    .option("-l, --label <key=value>", "only those with this label; repeat for more", pairs);
  addOutputOptions(command).action(async ({ sandbox, label: labels }: Options & { readonly sandbox?: string }) => {
    const sandboxId = sandbox === undefined ? undefined : (await cli.sandbox(sandbox)).id;
    const found = (await cli.alcove()).snapshots.list({ labels, sandboxId, signal: cli.signal });
    await cli.output.list(snapshotView, await found.toArray());
  });
  examples(command, [
    ["alcove snapshot list", ""],
    ["alcove snapshot list --sandbox 3f2a -o json", "of one sandbox, for programs"],
  ]);
}

function addGet(snapshot: Command, cli: Cli): void {
  const command = snapshot
    .command("get")
    .summary("show one snapshot, and which sandboxes came from it")
    .argument("<snapshot>", "its id, the beginning of it, or its name");
  addOutputOptions(command).action(async (text: string) =>
    cli.output.one(snapshotView, await findSnapshot(await cli.alcove(), text, cli.signal)),
  );
  examples(command, [["alcove snapshot get clean", ""]]);
}

function addDelete(snapshot: Command, cli: Cli): void {
  const command = snapshot
    .command("delete")
    .alias("rm")
    .summary("delete snapshots; sandboxes that came from them go on")
    .description("Delete snapshots. Sandboxes that came from them go on. Prints the id of each that is gone.")
    .argument("<snapshots...>", "ids, beginnings of them, or names")
    .action((texts: string[]) => deleteAll(cli, texts));
  examples(command, [["alcove snapshot delete clean", ""]]);
}

/** Goes on after a failure; the exit code tells. */
async function deleteAll(cli: Cli, texts: readonly string[]): Promise<void> {
  const alcove = await cli.alcove();
  let hasFailed = false;
  for (const text of texts) {
    try {
      const { id } = await findSnapshot(alcove, text, cli.signal);
      await alcove.snapshots.delete(id, { signal: cli.signal });
      cli.terminal.print(id);
    } catch (failure) {
      cli.signal.throwIfAborted();
      hasFailed = true;
      cli.report(failure);
    }
  }
  if (hasFailed) throw new Exit(exitCodes.error);
}

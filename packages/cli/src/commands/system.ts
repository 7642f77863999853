import type { PrunedItem, PrunedSystem, Storage } from "@alcove/contract";
import type { Command } from "commander";
import { confirm } from "../ask.js";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { durationMs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { mebibytes, table } from "../output/table.js";
import type { View } from "../output/view.js";

export function addSystem(program: Command, cli: Cli): void {
  const system = program
    .command("system")
    .summary("look at what the server keeps, and remove what nobody needs")
    .description("What the server keeps on its host.");
  for (const add of [addDf, addPrune]) add(system, cli);
  examples(system, [
    ["alcove system df", ""],
    ["alcove system prune --dry-run", ""],
  ]);
}

function addDf(system: Command, cli: Cli): void {
  const command = system
    .command("df")
    .summary("show what takes the host's disk")
    .description(
      "Show what the server keeps on the disk of its host, by kind, and how much is free. A file that several stand on counts once, and holes in files take nothing. For administrators.",
    );
  addOutputOptions(command, { quiet: false }).action(async () => {
    const storage = await (await cli.alcove()).storage({ signal: cli.signal });
    await cli.output.value(storage, () => storageText(storage));
  });
  examples(command, [
    ["alcove system df", ""],
    ["alcove system df -o json | jq .freeBytes", ""],
  ]);
}

function storageText({ kinds, freeBytes, totalBytes, freeMarkBytes }: Storage): string {
  const rows = kinds.map(({ kind, count, inUse, bytes }) => [kind, `${count}`, `${inUse ?? ""}`, mebibytes(bytes)]);
  const free = `${mebibytes(freeBytes)} of ${mebibytes(totalBytes)} are free; below ${mebibytes(freeMarkBytes)} nothing new is made.`;
  return `${table(["KIND", "COUNT", "IN USE", "SIZE"], rows)}\n${free}`;
}

const itemView: View<PrunedItem> = {
  name: ({ name }) => name,
  columns: [
    { heading: "KIND", value: ({ kind }) => kind },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "GROUP", value: ({ group }) => group },
    { heading: "SIZE", value: ({ bytes }) => mebibytes(bytes) },
  ],
};

interface PruneOptions {
  readonly all?: true;
  readonly snapshots?: number;
  readonly dryRun?: true;
  readonly yes?: true;
}

function addPrune(system: Command, cli: Cli): void {
  const command = system
    .command("prune")
    .summary("remove what nobody needs any more")
    .description(
      "Remove templates that nothing stands on, images without a name that nothing stands on, and layers and memories that were left behind; show them. On a terminal it shows them first, and asks. For administrators.",
    )
    .option("--all", "also images with a name that no sandbox and no snapshot stands on, of every group")
    .option(
      "--snapshots <age>",
      "also snapshots of every group that are older, such as 30d, pinned and used ones kept",
      (text) => Math.ceil(durationMs(text) / 1_000),
    )
    .option("--dry-run", "only show it")
    .option("-y, --yes", "do not ask");
  addOutputOptions(command).action(async ({ all, snapshots, dryRun, yes }: PruneOptions) => {
    const alcove = await cli.alcove();
    const which = { allImages: all ?? false, snapshotsOlderThanSeconds: snapshots };
    const would = await alcove.prune({ ...which, dryRun: true, signal: cli.signal });
    if (dryRun === true || would.items.length === 0) return show(cli, would, "would be freed");
    if (!(await isMeant(cli, would, yes))) return;
    await show(cli, await alcove.prune({ ...which, signal: cli.signal }), "freed");
  });
  examples(command, [
    ["alcove system prune --dry-run", "what would go"],
    ["alcove system prune --yes", ""],
    ["alcove system prune --all --snapshots 30d --dry-run", "with images that nobody uses, and old snapshots"],
  ]);
}

/** Programs are not asked. */
async function isMeant(cli: Cli, would: PrunedSystem, yes: true | undefined): Promise<boolean> {
  if (yes === true || !process.stdin.isTTY) return true;
  await show(cli, would, "would be freed");
  return confirm(cli, `Remove these ${would.items.length}?`);
}

async function show(cli: Cli, { items, freedBytes }: PrunedSystem, what: string): Promise<void> {
  await cli.output.list(itemView, items);
  if (cli.output.format === "table" && !cli.output.isQuiet) cli.terminal.say(`${mebibytes(freedBytes)} ${what}.`);
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { lines } from "../output/table.js";
import { timelineLines, timelineOf } from "../timeline.js";

export function addTimeline(program: Command, cli: Cli): void {
  const command = program
    .command("timeline")
    .summary("show what a sandbox came from, and what came from it")
    .description("Show the tree that a sandbox is in: snapshots of it, what started from them, and its copies.")
    .argument("<id>", "the sandbox's id, or the beginning of it");
  addOutputOptions(command, { quiet: false }).action(async (text: string) => {
    const { id } = await cli.sandbox(text);
    const { sandboxes, snapshots } = await cli.alcove();
    await sandboxes.get(id, { signal: cli.signal });
    const records = {
      sandboxes: await sandboxes.list({ signal: cli.signal }).toArray(),
      snapshots: await snapshots.list({ signal: cli.signal }).toArray(),
    };
    const tree = timelineOf(records, id);
    await cli.output.value(tree, () => lines(timelineLines(tree, id)));
  });
  examples(command, [["alcove timeline 3f2a", ""]]);
}

import type { SnapshotRetention } from "@alcove/contract";
import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "./cli.js";
import { examples } from "./examples.js";
import { UsageError } from "./exit-codes.js";
import { durationMs } from "./option-values.js";
import { addOutputOptions } from "./output/output.js";
import { groupView } from "./views/group.js";

interface Options {
  readonly perSandbox?: number;
  readonly age?: number;
  readonly all?: true;
}

export function addRetention(group: Command, cli: Cli): void {
  const command = group
    .command("retention")
    .summary("set which snapshots of a group stay")
    .description(
      "Set which snapshots of a group stay. The others are deleted in the background, for ever; those that sandboxes came from stay, and so do those with a label pinned.",
    )
    .argument("<name>", "the group")
    .option("--per-sandbox <number>", "the newest so many of each sandbox", countOf)
    .option("--age <time>", "those that are younger, such as 30d", (text) => Math.ceil(durationMs(text) / 1_000))
    .option("--all", "every one");
  addOutputOptions(command).action(async (name: string, options: Options) => {
    const { groups } = await cli.alcove();
    await cli.output.one(groupView, await groups.setSnapshotRetention(name, ruleOf(options), { signal: cli.signal }));
  });
  examples(command, [
    [
      "alcove group retention default --per-sandbox 5 --age 30d",
      "what is older goes, and all but five of each sandbox",
    ],
    ["alcove group retention default --all", "keep every one"],
  ]);
}

function ruleOf({ perSandbox: keptPerSandbox, age: keptSeconds, all }: Options): SnapshotRetention {
  const isLimited = keptPerSandbox !== undefined || keptSeconds !== undefined;
  if (isLimited === (all === true))
    throw new UsageError(
      "It is not said which snapshots stay.",
      "Give --per-sandbox or --age or both, or --all alone.",
    );
  return { keptPerSandbox, keptSeconds };
}

function countOf(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0 to 999999.");
  return Number(text);
}

import type { Pool } from "@alcove/contract";
import { type Command, InvalidArgumentError } from "commander";
import type { Cli } from "../cli.js";
import { addMeasureOptions, type MeasureOptions } from "../creation.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { age } from "../output/table.js";
import type { View } from "../output/view.js";
import { programOf } from "../process-options.js";

const poolView: View<Pool> = {
  name: ({ name }) => name,
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "IMAGE", value: ({ sourcesRef }) => sourcesRef.diskImage.name },
    { heading: "SIZE", value: ({ resources: { cpu, memory, disk } }) => `${cpu} ${memory} ${disk}` },
    { heading: "READY", value: ({ ready }) => ready },
    { heading: "STARTING", value: ({ starting }) => starting },
    { heading: "BOUNDS", value: ({ minimum, maximum }) => `${minimum}-${maximum}` },
    { heading: "CLAIMED", value: ({ claimed }) => claimed },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
    { heading: "MESSAGE", value: ({ message }) => message },
  ],
  details: [
    { heading: "PRIME", value: ({ prime }) => prime?.join(" ") },
    { heading: "PRIMED", value: ({ primedAt }) => primedAt },
  ],
};

export function addPool(program: Command, cli: Cli): void {
  const pool = program
    .command("pool")
    .summary("keep sandboxes running that nobody has yet")
    .description(
      "Warm pools of the group: sandboxes that run already, of which a creation with the same image and size takes one.",
    );
  for (const add of [addSet, addList, addGet, addRemove]) add(pool, cli);
  examples(pool, [
    ["alcove pool set --image debian --minimum 2 --maximum 8 fast", ""],
    ["alcove pool list", ""],
  ]);
}

interface Options extends MeasureOptions {
  readonly image: string;
  readonly minimum: number;
  readonly maximum?: number;
}

function addSet(pool: Command, cli: Cli): void {
  const command = pool
    .command("set")
    .summary("make a pool, or change one")
    .description("Make a pool, or change one. It is filled in the background, when no creation waits.")
    .argument("<name>", "the pool's")
    .argument(
      "[program...]",
      "run once: every sandbox of the image and size starts with what it left; behind -- if you like",
    )
    .requiredOption("--image <name>", "what its sandboxes start from, such as debian")
    .requiredOption("--minimum <number>", "so many are kept ready, however few are asked for; 0 to 100", countOf)
    .option("--maximum <number>", "never more than this; 1 to 100. Default: the minimum", countOf);
  addOutputOptions(addMeasureOptions(command))
    .passThroughOptions()
    .action(async (name: string, words: string[], options: Options) => {
      const { image, minimum, maximum, tier, cpu, memory, disk } = options;
      const size = { tier, cpu, memory, disk };
      const { pools } = (await cli.alcove()).defaultGroup;
      const wanted = { image, minimum, maximum, ...size, prime: programOf(words), signal: cli.signal };
      await cli.output.one(poolView, await pools.set(name, wanted));
    });
  examples(command, [
    ["alcove pool set --image debian --minimum 2 fast", "two, always"],
    ["alcove pool set --image debian --minimum 0 --maximum 8 fast", "as many as the last minute asked for"],
    ["alcove pool set --image debian --minimum 1 fast -- sh -c 'echo warm > /tmp/primed'", "primed by a program"],
    ["alcove pool set --image debian --minimum 0 fast -- python3 -c 'import json'", "primed, and none kept running"],
  ]);
}

function addList(pool: Command, cli: Cli): void {
  const command = pool.command("list").alias("ls").summary("list the group's pools");
  addOutputOptions(command).action(async () => {
    const { pools } = (await cli.alcove()).defaultGroup;
    await cli.output.list(poolView, await pools.list({ signal: cli.signal }));
  });
  examples(command, [["alcove pool list -o json", ""]]);
}

function addGet(pool: Command, cli: Cli): void {
  const command = pool
    .command("get")
    .summary("show one pool: what it shall hold, and what it holds")
    .argument("<name>", "the pool's");
  addOutputOptions(command).action(async (name: string) => {
    const { pools } = (await cli.alcove()).defaultGroup;
    await cli.output.one(poolView, await pools.get(name, { signal: cli.signal }));
  });
  examples(command, [["alcove pool get fast", ""]]);
}

function addRemove(pool: Command, cli: Cli): void {
  const command = pool
    .command("delete")
    .alias("rm")
    .summary("delete a pool and end what is in it; sandboxes that were taken from it stay")
    .argument("<name>", "the pool's")
    .action(async (name: string) => {
      await (await cli.alcove()).defaultGroup.pools.delete(name, { signal: cli.signal });
      cli.terminal.print(name);
    });
  examples(command, [["alcove pool delete fast", ""]]);
}

function countOf(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 100)
    throw new InvalidArgumentError("It must be a number from 0 to 100.");
  return Number(text);
}

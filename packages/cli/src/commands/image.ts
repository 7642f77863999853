import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { explained } from "../failure.js";
import { addImageBuild } from "../image/build.js";
import { addImageImport } from "../image/import.js";
import { withImageProgress } from "../image/progress.js";
import { addImagePull } from "../image/pull.js";
import { durationMs, pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { lines } from "../output/table.js";
import { imageView } from "../views/image.js";

export function addImage(program: Command, cli: Cli): void {
  const image = program
    .command("image")
    .summary("list, pull, build, import and delete images")
    .description("What sandboxes start from: the group's own images, and the catalogue that every group may use.");
  addList(image, cli);
  addGet(image, cli);
  addImagePull(image, cli);
  addImageBuild(image, cli);
  addImageImport(image, cli);
  addPrepare(image, cli);
  addDelete(image, cli);
  addPrune(image, cli);
  examples(image, [
    ["alcove image list", ""],
    ["alcove image pull registry.example.com/team/tools:1", "from a registry"],
    ["alcove image build -t tools .", "from a Dockerfile"],
    ["alcove image import tools tools.tar", "what `docker save` wrote"],
    ["alcove image get debian", "its state, and the log of its build"],
  ]);
}

function addList(image: Command, cli: Cli): void {
  const command = image
    .command("list")
    .alias("ls")
    .summary("list images")
    .description("List images: the group's own, newest first, then the catalogue.")
    .option("-l, --label <key=value>", "only the group's own with this label; repeat for more", pairs);
  addOutputOptions(command).action(async ({ label: labels }: { readonly label?: Record<string, string> }) => {
    const { images } = await cli.alcove();
    const own = await images.list({ labels, signal: cli.signal });
    const catalogue = labels === undefined ? await images.listPublic({ signal: cli.signal }) : [];
    await cli.output.list(imageView, [...own, ...catalogue]);
  });
  examples(command, [
    ["alcove image list", ""],
    ["alcove image list -l team=blue", "the group's own with a label"],
    ["alcove image list -o yaml", "all that is known"],
  ]);
}

function addGet(image: Command, cli: Cli): void {
  const command = image
    .command("get")
    .summary("show one image")
    .description("Show one image, with the log of its build: the group's own, else the catalogue's.")
    .argument("<name>", "such as debian");
  addOutputOptions(command).action(async (name: string) =>
    cli.output.one(imageView, await (await cli.alcove()).images.get(name, { signal: cli.signal })),
  );
  examples(command, [["alcove image get debian", ""]]);
}

function addPrepare(image: Command, cli: Cli): void {
  const command = image
    .command("prepare")
    .summary("build an image now")
    .description(
      "Build an image of the catalogue, and the template of any image, so that the first sandbox does not wait.",
    )
    .argument("<name>", "such as debian");
  addOutputOptions(command).action(async (name: string) => {
    const { images } = await cli.alcove();
    await cli.output.one(imageView, await withImageProgress(cli, (options) => images.prepare(name, options)));
  });
  examples(command, [["alcove image prepare debian", ""]]);
}

function addDelete(image: Command, cli: Cli): void {
  const command = image
    .command("delete")
    .alias("rm")
    .summary("delete images of the group")
    .description("Delete images of the group. One that sandboxes stand on is kept, and they are named.")
    .argument("<names...>", "such as team/tools:1")
    .action((names: string[]) => deleteAll(cli, names));
  examples(command, [["alcove image delete team/tools:1", ""]]);
}

const ownImagesHint = "`alcove image list` shows under SOURCE which are the group's own.";

/** Goes on after a failure; the exit code tells. */
async function deleteAll(cli: Cli, names: readonly string[]): Promise<void> {
  const { images } = await cli.alcove();
  let hasFailed = false;
  for (const name of names) {
    try {
      const { isPublic } = await images.get(name, { signal: cli.signal });
      if (isPublic) throw explained(`The image ${name} is the catalogue's; no group can delete it.`, ownImagesHint);
      await images.delete(name, { signal: cli.signal });
      cli.terminal.print(name);
    } catch (failure) {
      cli.signal.throwIfAborted();
      hasFailed = true;
      cli.report(failure);
    }
  }
  if (hasFailed) throw new Exit(exitCodes.error);
}

function addPrune(image: Command, cli: Cli): void {
  const command = image
    .command("prune")
    .summary("delete images that no sandbox uses")
    .description("Delete the group's images that no sandbox uses. Prints the name of each.")
    .option("--older-than <time>", "only those that were built longer ago, such as 24h or 7d", durationMs)
    .option("-l, --label <key=value>", "only those with this label; repeat for more", pairs);
  const prune = async ({ olderThan, label: labels }: { olderThan?: number; label?: Record<string, string> }) => {
    const olderThanSeconds = olderThan === undefined ? undefined : Math.ceil(olderThan / 1_000);
    const { images } = await cli.alcove();
    const pruned = await images.prune({ labels, olderThanSeconds, signal: cli.signal });
    await cli.output.value(pruned, () => lines(pruned.deleted));
    cli.terminal.say(`${Math.round(pruned.freedBytes / 2 ** 20)} MiB are free again.`);
  };
  addOutputOptions(command, { quiet: false }).action(prune);
  examples(command, [
    ["alcove image prune", ""],
    ["alcove image prune --older-than 7d", "what a week has not touched"],
  ]);
}

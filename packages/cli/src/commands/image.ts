import type { Image } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import type { View } from "../output/view.js";

const imageView: View<Image> = {
  name: ({ name }) => name,
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "STATE", value: ({ state }) => state },
    { heading: "SIZE", value: ({ sizeBytes }) => `${Math.round(sizeBytes / 2 ** 20)} MiB` },
    { heading: "BUILT", value: ({ builtAt }) => builtAt },
    { heading: "MESSAGE", value: ({ message }) => message },
  ],
  details: [{ heading: "DIGEST", value: ({ digest }) => digest || undefined }],
  below: ({ log }) => log,
};

export function addImage(program: Command, cli: Cli): void {
  const image = program
    .command("image")
    .summary("list, show and build images")
    .description("What sandboxes start from.");
  addList(image, cli);
  addGet(image, cli);
  addPrepare(image, cli);
  examples(image, [
    ["alcove image list", ""],
    ["alcove image prepare debian", "build it"],
    ["alcove image get debian", "its state, and the log of its build"],
  ]);
}

function addList(image: Command, cli: Cli): void {
  const command = image.command("list").alias("ls").summary("list images").description("List images.");
  addOutputOptions(command).action(async () => {
    const { images } = await cli.alcove();
    const [own, catalogue] = await Promise.all([
      images.list({ signal: cli.signal }),
      images.listPublic({ signal: cli.signal }),
    ]);
    await cli.output.list(imageView, [...own, ...catalogue]);
  });
  examples(command, [
    ["alcove image list", ""],
    ["alcove image list -o yaml", "all that is known"],
  ]);
}

function addGet(image: Command, cli: Cli): void {
  const command = image
    .command("get")
    .summary("show one image")
    .description("Show one image, with the log of its build.")
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
    .description("Build an image and its template now, so that the first sandbox does not wait for it.")
    .argument("<name>", "such as debian");
  addOutputOptions(command).action((name: string) => prepare(cli, name));
  examples(command, [["alcove image prepare debian", ""]]);
}

async function prepare(cli: Cli, name: string): Promise<void> {
  const { images } = await cli.alcove();
  const image = await images.prepare(name, {
    signal: cli.signal,
    onProgress: ({ message, progress }) => cli.terminal.progress(`${message} (${Math.floor(progress * 100)} %)`),
  });
  cli.terminal.endProgress();
  await cli.output.one(imageView, image);
}

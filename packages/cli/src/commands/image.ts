import type { Image } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { json, type OutputFormat, outputOption } from "../option-values.js";
import { properties, table } from "../table.js";

interface Options {
  readonly output: OutputFormat;
}

export function addImage(program: Command, cli: Cli): void {
  const image = program
    .command("image")
    .summary("list, show and build images")
    .description("What sandboxes start from.");
  image
    .command("list")
    .description("List images.")
    .addOption(outputOption())
    .action((options: Options) => list(cli, options));
  image
    .command("get")
    .description("Show one image, with the log of its build.")
    .argument("<name>", "such as debian")
    .addOption(outputOption())
    .action((name: string, options: Options) => get(cli, name, options));
  image
    .command("prepare")
    .description("Build an image and its template now, so that the first sandbox does not wait for it.")
    .argument("<name>", "such as debian")
    .addOption(outputOption())
    .action((name: string, options: Options) => prepare(cli, name, options));
  examples(image, [
    ["alcove image list", ""],
    ["alcove image prepare debian", "build it"],
    ["alcove image get debian", "its state, and the log of its build"],
  ]);
}

async function list(cli: Cli, { output }: Options): Promise<void> {
  const images = await (await cli.alcove()).images.list({ signal: cli.signal });
  if (output === "json") return cli.terminal.print(json(images));
  const rows = images.map((image) => [image.name, image.state, size(image), image.builtAt ?? "", image.message]);
  cli.terminal.print(table(["NAME", "STATE", "SIZE", "BUILT", "MESSAGE"], rows));
}

async function get(cli: Cli, name: string, { output }: Options): Promise<void> {
  show(cli, await (await cli.alcove()).images.get(name, { signal: cli.signal }), output);
}

async function prepare(cli: Cli, name: string, { output }: Options): Promise<void> {
  const { images } = await cli.alcove();
  const image = await images.prepare(name, {
    signal: cli.signal,
    onProgress: ({ message, progress }) => cli.terminal.progress(`${message} (${Math.floor(progress * 100)} %)`),
  });
  cli.terminal.endProgress();
  show(cli, image, output);
}

function show(cli: Cli, image: Image, output: OutputFormat): void {
  const { name, state, message, digest, builtAt, log = "" } = image;
  const known = properties({ name, state, message, size: size(image), digest, built: builtAt });
  cli.terminal.print(output === "json" ? json(image) : `${known}${log === "" ? "" : `\n\n${log}`}`);
}

function size(image: Image): string {
  return `${Math.round(image.sizeBytes / 2 ** 20)} MiB`;
}

/** `alcove image build`. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { relative, resolve, sep } from "node:path";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { imageView } from "../views/image.js";
import { withImageProgress } from "./progress.js";

interface Options {
  readonly tag: string;
  readonly file?: string;
  readonly target?: string;
  readonly buildArg?: Record<string, string>;
  readonly label?: Record<string, string>;
}

const chunkBytes = 1_048_576;

export function addImageBuild(image: Command, cli: Cli): void {
  const command = image
    .command("build")
    .summary("build an image from a Dockerfile")
    .description(
      "Build an image from a Dockerfile, in a machine of its own that has no network: what a step needs comes with the context or the base image.",
    )
    .argument("<context>", "a directory, a tar of one, or - for a tar on standard input")
    .requiredOption("-t, --tag <name>", "the image's name")
    .option("-f, --file <path>", "the Dockerfile, inside the context; default Dockerfile")
    .option("--target <stage>", "the stage to build; default the last")
    .option("--build-arg <key=value>", "a value for an ARG; repeat for more", pairs)
    .option("-l, --label <key=value>", "to find it by; repeat for more", pairs);
  addOutputOptions(command).action((context: string, options: Options) => build(cli, context, options));
  examples(command, [
    ["alcove image build -t tools .", "the Dockerfile of this directory"],
    ["alcove image build -t tools --target test --build-arg VERSION=2 ./tools", "one stage, with a value for an ARG"],
  ]);
}

async function build(cli: Cli, context: string, options: Options): Promise<void> {
  const { tag, target, buildArg: buildArgs, label: labels } = options;
  const isDirectory = context !== "-" && (await stat(context)).isDirectory();
  const dockerfile = isDirectory ? insideOf(context, options.file) : options.file;
  const source = isDirectory ? context : context === "-" ? process.stdin : fileStream(context);
  const { images } = await cli.alcove();
  const built = await withImageProgress(cli, (following) =>
    images.build(tag, source, { ...following, dockerfile, target, buildArgs, labels }),
  );
  await cli.output.one(imageView, built);
}

function fileStream(path: string) {
  return createReadStream(path, { highWaterMark: chunkBytes });
}

/** As other builders have it, the path is one of this machine's. */
function insideOf(context: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const path = relative(resolve(context), resolve(file));
  if (path !== ".." && !path.startsWith(`..${sep}`)) return path.split(sep).join("/");
  throw new UsageError(`${file} is not inside ${context}.`, "Name a directory that has the Dockerfile in it.");
}

/** `alcove image import`: an archive, a root file system, or an image of this machine's Docker engine. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Image, Images } from "alcove";
import { type Command, Option } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { imageView } from "../views/image.js";
import { dockerArchive } from "./docker.js";
import { withImageProgress } from "./progress.js";

interface Options {
  readonly docker?: string;
  readonly format?: "archive" | "tar";
  readonly owner: "root" | "keep";
  readonly label?: Record<string, string>;
}

const chunkBytes = 1_048_576;

export function addImageImport(image: Command, cli: Cli): void {
  const command = image
    .command("import")
    .summary("make an image of an archive, a directory or Docker's image")
    .description(
      "Make an image of what lies on this machine: an OCI or docker archive, a root file system as a tar or a directory, or an image of this machine's Docker engine.",
    )
    .argument("<name>", "the image's name")
    .argument("[source]", "a file, a directory, or - for standard input")
    .option("--docker <image>", "ask this machine's Docker engine for the image instead")
    .addOption(new Option("--format <format>", "what the file is; default archive").choices(["archive", "tar"]))
    .addOption(
      new Option("--owner <owner>", "of a directory: whose the files are in the image")
        .choices(["root", "keep"])
        .default("root"),
    )
    .option("-l, --label <key=value>", "to find it by; repeat for more", pairs);
  addOutputOptions(command).action((name: string, source: string | undefined, options: Options) =>
    importImage(cli, { name, source }, options),
  );
  examples(command, [
    ["alcove image import tools tools.tar", "what `docker save` or `skopeo copy` wrote, compressed or not"],
    ["alcove image import tools --docker tools:latest", "out of this machine's Docker engine"],
    ["alcove image import tiny ./rootfs", "a directory as the root file system"],
  ]);
}

interface Subject {
  readonly name: string;
  readonly source: string | undefined;
}

async function importImage(cli: Cli, { name, source }: Subject, options: Options): Promise<void> {
  if ((source === undefined) === (options.docker === undefined)) {
    throw new UsageError("Say either a file or directory, or --docker.", "alcove image import NAME FILE");
  }
  const { images } = await cli.alcove();
  const made = await withImageProgress(cli, (following) => {
    const labelled = { ...following, labels: options.label };
    if (options.docker !== undefined) return fromDocker(images, { name, docker: options.docker }, labelled);
    return fromPath(images, { name, source: source ?? "" }, { ...labelled, ...options });
  });
  await cli.output.one(imageView, made);
}

type Following = Parameters<Images["import"]>[2] & { readonly signal: AbortSignal };

async function fromDocker(
  images: Images,
  { name, docker }: { readonly name: string; readonly docker: string },
  following: Following,
): Promise<Image> {
  return images.import(name, await dockerArchive(docker, following.signal), following);
}

async function fromPath(
  images: Images,
  { name, source }: { readonly name: string; readonly source: string },
  { format, owner, ...following }: Following & Pick<Options, "format" | "owner">,
): Promise<Image> {
  if (source === "-") return images.import(name, process.stdin, { ...following, format });
  if (!(await stat(source)).isDirectory()) {
    return images.import(name, createReadStream(source, { highWaterMark: chunkBytes }), { ...following, format });
  }
  return images.importDirectory(name, source, { ...following, owners: owner });
}

/** `alcove image pull`. */
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { askSecret } from "../ask.js";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { imageView } from "../views/image.js";
import { withImageProgress } from "./progress.js";

interface Options {
  readonly name?: string;
  readonly username?: string;
  readonly passwordStdin?: true;
  readonly label?: Record<string, string>;
}

export function addImagePull(image: Command, cli: Cli): void {
  const command = image
    .command("pull")
    .summary("pull an image from a registry")
    .description("Pull an image from a registry. The server pulls it, with credentials that are used this once.")
    .argument("<reference>", "such as registry.example.com/team/tools:1, or with @sha256:…")
    .option("--name <name>", "its name here; default: the reference without host and digest")
    .option("-u, --username <name>", "who asks; the password is asked for on a terminal")
    .option(
      "--password-stdin",
      "read the password or token from standard input; a command line could be read by others",
    )
    .option("-l, --label <key=value>", "to find it by; repeat for more", pairs);
  addOutputOptions(command).action((reference: string, options: Options) => pull(cli, reference, options));
  examples(command, [
    ["alcove image pull registry.example.com/team/tools:1", ""],
    ["alcove image pull registry.example.com/team/tools:1 -u ann --password-stdin < token", "with credentials"],
  ]);
}

async function pull(cli: Cli, reference: string, options: Options): Promise<void> {
  const { name, label: labels } = options;
  const credentials = await credentialsOf(cli, reference, options);
  const { images } = await cli.alcove();
  const pulled = await withImageProgress(cli, (following) =>
    images.pull(reference, { ...following, name, labels, credentials }),
  );
  await cli.output.one(imageView, pulled);
}

async function credentialsOf(cli: Cli, reference: string, { username, passwordStdin }: Options) {
  if (username === undefined) {
    if (!passwordStdin) return undefined;
    throw new UsageError("--password-stdin goes with --username.", "alcove image pull -u NAME --password-stdin");
  }
  if (passwordStdin) return { username, token: (await text(process.stdin)).trim() };
  if (process.stdin.isTTY)
    return { username, token: await askSecret(cli, `Password of ${username} for ${reference}: `) };
  throw new UsageError(
    "There is no terminal to ask for the password.",
    "--password-stdin reads it from standard input.",
  );
}

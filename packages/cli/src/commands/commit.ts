import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { withImageProgress } from "../image/progress.js";
import { pairs } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { imageView } from "../views/image.js";

export function addCommit(program: Command, cli: Cli): void {
  const command = program
    .command("commit")
    .summary("make an image of a sandbox's disk")
    .description(
      "Make an image of a sandbox's disk in the group, and wait until it is ready. Its program and working directory come along, its environment and secrets do not.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .argument("<name>", "the image's, such as team/tools:1")
    .option("-l, --label <key=value>", "of the image; repeat for more", pairs);
  addOutputOptions(command).action(
    async (id: string, name: string, { label: labels }: { readonly label?: Record<string, string> }) => {
      const sandbox = await cli.sandbox(id);
      const made = await withImageProgress(cli, (waiting) => sandbox.commit(name, { labels, ...waiting }));
      await cli.output.one(imageView, made);
    },
  );
  examples(command, [["alcove commit 3f2a team/tools:2", ""]]);
}

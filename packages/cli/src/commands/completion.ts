import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { candidates } from "../completion/candidates.js";
import { type Shell, scripts } from "../completion/scripts.js";
import { examples } from "../examples.js";
import { exitCodes } from "../exit-codes.js";

/** For each shell: how its users turn it on. */
const usage: Readonly<Record<Shell, string>> = {
  bash: "source <(alcove completion bash)",
  zsh: "alcove completion zsh > _alcove",
  fish: "alcove completion fish > alcove.fish",
};
const places: Readonly<Record<Shell, string>> = {
  bash: "in ~/.bashrc",
  zsh: "in a directory of $fpath",
  fish: "in ~/.config/fish/completions",
};

export function addCompletion(program: Command, cli: Cli): void {
  const completion = program
    .command("completion")
    .summary("complete words in bash, zsh and fish")
    .description(
      "Print what makes a shell complete this command's words: verbs, options, ids of sandboxes, names of images, groups and contexts.",
    );
  for (const shell of Object.keys(scripts) as Shell[]) {
    const command = completion
      .command(shell)
      .summary(`print the completion for ${shell}`)
      .action(() => cli.terminal.print(scripts[shell]));
    examples(command, [[usage[shell], places[shell]]]);
  }
  addCandidates(completion, program, cli);
  examples(completion, [[usage.bash, places.bash]]);
}

/** What the shells' functions ask. */
function addCandidates(completion: Command, program: Command, cli: Cli): void {
  const command = completion
    .command("candidates")
    .summary("print what the last of these words could become")
    .argument("[words...]", "those behind `alcove`; the last is not finished")
    .action(async (words: string[]) => {
      const found = await candidates(program, cli, words);
      // At once: a connection that is still being made keeps nobody waiting.
      process.stdout.write(found.map((word) => `${word}\n`).join(""), () => process.exit(exitCodes.ok));
    });
  examples(command, [["alcove completion candidates -- image pre", ""]]);
}

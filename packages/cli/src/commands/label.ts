import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { addOutputOptions } from "../output/output.js";
import { lines } from "../output/table.js";

export function addLabel(program: Command, cli: Cli): void {
  const command = program
    .command("label")
    .summary("change a sandbox's labels")
    .description("Set labels of a sandbox (KEY=VALUE) and take labels away (KEY-). What is not named stays.")
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .argument("<changes...>", "KEY=VALUE, or KEY- to take it away");
  addOutputOptions(command, { quiet: false }).action((id: string, words: string[]) => change(cli, id, words));
  examples(command, [
    ["alcove label 3f2a team=blue run=42", "set"],
    ["alcove label 3f2a run-", "take away"],
  ]);
}

async function change(cli: Cli, id: string, words: readonly string[]): Promise<void> {
  const changes = Object.fromEntries(words.map(changeOf));
  const sandbox = await cli.sandbox(id);
  const { labels } = await sandbox.setLabels(changes, { signal: cli.signal });
  await cli.output.value(labels, () => lines(Object.entries(labels).map(([key, value]) => `${key}=${value}`)));
}

function changeOf(word: string): [string, string | null] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  if (at < 0 && word.length > 1 && word.endsWith("-")) return [word.slice(0, -1), null];
  throw new UsageError(`${JSON.stringify(word)} is no change of a label.`, "alcove label ID KEY=VALUE KEY-");
}

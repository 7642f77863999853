import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { addOutputOptions } from "../output/output.js";
import { lines } from "../output/table.js";
import { sandboxView } from "../views/sandbox.js";

export function addLabel(program: Command, cli: Cli): void {
  const command = program
    .command("label")
    .summary("change a sandbox's labels")
    .description("Set labels of a sandbox (KEY=VALUE) and take labels away (KEY-). What is not named stays.")
    .argument("<id>", "the sandbox's id, the beginning of it, or KEY=VALUE for all that have the label")
    .argument("<changes...>", "KEY=VALUE, or KEY- to take it away");
  addOutputOptions(command, { quiet: false }).action((id: string, words: string[]) => change(cli, id, words));
  examples(command, [
    ["alcove label 3f2a team=blue run=42", "set"],
    ["alcove label 3f2a run-", "take away"],
    ["alcove label run=42 done=yes", "of all that have a label"],
  ]);
}

async function change(cli: Cli, id: string, words: readonly string[]): Promise<void> {
  const changes = Object.fromEntries(words.map(changeOf));
  const found = await cli.sandboxes(id);
  if (id.includes("=")) {
    const changed = await Promise.all(found.map((sandbox) => sandbox.setLabels(changes, { signal: cli.signal })));
    return cli.output.list(sandboxView, changed);
  }
  const labels = (await found[0]?.setLabels(changes, { signal: cli.signal }))?.labels ?? {};
  await cli.output.value(labels, () => lines(Object.entries(labels).map(([key, value]) => `${key}=${value}`)));
}

function changeOf(word: string): [string, string | null] {
  const at = word.indexOf("=");
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  if (at < 0 && word.length > 1 && word.endsWith("-")) return [word.slice(0, -1), null];
  throw new UsageError(`${JSON.stringify(word)} is no change of a label.`, "alcove label ID KEY=VALUE KEY-");
}

import type { Exec } from "alcove";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { follow, interruptionOptions } from "../follow.js";
import { addOutputOptions } from "../output/output.js";
import type { View } from "../output/view.js";
import { passThrough } from "./exec.js";

const execView: View<Exec> = {
  name: ({ id }) => id,
  columns: [
    { heading: "EXEC", value: ({ id }) => id },
    { heading: "STATE", value: ({ state }) => state },
    { heading: "EXIT", value: ({ exitCode }) => exitCode },
    { heading: "STARTED", value: ({ startedAt }) => startedAt },
    { heading: "PROGRAM", value: ({ args }) => args.join(" ") },
  ],
};

export function addAttach(program: Command, cli: Cli): void {
  const command = program
    .command("attach")
    .summary("follow a program that runs in a sandbox")
    .description(
      "Follow a program that was started before, from the beginning of its kept output, to its exit code. Without an exec's id, list the execs.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .argument("[exec]", "the exec's id, or the beginning of it")
    .option("--offset <bytes>", "begin behind so many bytes of its output", wholeNumber);
  addOutputOptions(command).action((id: string, exec: string | undefined, options: { readonly offset?: number }) =>
    exec === undefined ? list(cli, id) : attach(cli, id, exec, options.offset),
  );
  examples(command, [
    ["alcove attach 3f2a", "list its execs"],
    ["alcove attach 3f2a 9c01", "follow one"],
  ]);
}

async function list(cli: Cli, id: string): Promise<void> {
  await cli.output.list(execView, await (await cli.sandbox(id)).execs.list({ signal: cli.signal }));
}

async function attach(cli: Cli, id: string, text: string, offset: number | undefined): Promise<never> {
  return passThrough(cli, async () => {
    const { execs } = await cli.sandbox(id);
    const exec = only(await execs.list({ signal: cli.signal }), { id, text });
    return follow(cli, await execs.attach(exec.id, { offset, ...interruptionOptions(cli) }));
  });
}

function only<Exec extends { readonly id: string }>(
  execs: readonly Exec[],
  wanted: { id: string; text: string },
): Exec {
  const found = execs.filter((exec) => exec.id.startsWith(wanted.text));
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const sentence = `${found.length === 0 ? "No exec's id begins" : `${found.length} execs' ids begin`} with ${wanted.text}.`;
  throw Object.assign(new Error(sentence), { hint: `\`alcove attach ${wanted.id}\` lists them.` });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

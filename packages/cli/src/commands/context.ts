import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { changeConfig } from "../config/config-writing.js";
import { type Context, contextNamed, defaultContext } from "../config/settings.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import type { View } from "../output/view.js";

interface Listed {
  readonly name: string;
  readonly isCurrent: boolean;
  readonly url: string | undefined;
  readonly group: string | undefined;
  readonly hasKey: boolean;
}

const contextView: View<Listed> = {
  name: ({ name }) => name,
  columns: [
    { heading: "CURRENT", value: ({ isCurrent }) => (isCurrent ? "*" : "") },
    { heading: "NAME", value: ({ name }) => name },
    { heading: "URL", value: ({ url }) => url ?? "(this machine)" },
    { heading: "GROUP", value: ({ group }) => group },
    { heading: "KEY", value: ({ hasKey }) => (hasKey ? "yes" : "no") },
  ],
};

export function addContext(program: Command, cli: Cli): void {
  const context = program
    .command("context")
    .summary("switch between servers")
    .description("A context is a server, a key and a group under one name. `alcove login` makes one.");
  addList(context, cli);
  addUse(context, cli);
  addRemove(context, cli);
  examples(context, [
    ["alcove context list", ""],
    ["alcove context use work", "for all commands from now on"],
  ]);
}

function addList(context: Command, cli: Cli): void {
  const command = context.command("list").alias("ls").summary("list contexts");
  addOutputOptions(command).action(() => cli.output.list(contextView, listed(cli)));
  examples(command, [["alcove context list", ""]]);
}

function addUse(context: Command, cli: Cli): void {
  const command = context
    .command("use")
    .summary("make a context the current one")
    .argument("<name>", "its name; default is this machine, unless it was set")
    .action((name: string) => use(cli, name));
  examples(command, [
    ["alcove context use work", ""],
    ["alcove context use default", "the daemon of this machine"],
  ]);
}

function addRemove(context: Command, cli: Cli): void {
  const command = context
    .command("remove")
    .alias("rm")
    .summary("remove a context, with its key")
    .argument("<name>", "its name")
    .action((name: string) => remove(cli, name));
  examples(command, [["alcove context remove work", ""]]);
}

function listed(cli: Cli): Listed[] {
  const { settings, config } = cli.readSettings();
  const contexts: Record<string, Context> = { [defaultContext]: {}, ...config.contexts };
  return Object.entries(contexts).map(([name, { url, group, apiKey }]) => ({
    name,
    isCurrent: name === settings.context.value,
    url,
    group,
    hasKey: apiKey !== undefined,
  }));
}

async function use(cli: Cli, name: string): Promise<void> {
  await changeConfig(({ contexts }) => {
    if (name !== defaultContext && contextNamed(contexts, name) === undefined) throw missing(name, contexts);
    return { currentContext: name === defaultContext ? undefined : name, contexts };
  });
  cli.terminal.print(name);
}

async function remove(cli: Cli, name: string): Promise<void> {
  await changeConfig(({ currentContext, contexts }) => {
    if (contextNamed(contexts, name) === undefined) throw missing(name, contexts);
    const { [name]: _removed, ...rest } = contexts;
    return { currentContext: currentContext === name ? undefined : currentContext, contexts: rest };
  });
  cli.terminal.print(name);
}

function missing(name: string, contexts: Readonly<Record<string, Context>>): Error {
  const known = [defaultContext, ...Object.keys(contexts).filter((found) => found !== defaultContext)];
  return Object.assign(new Error(`There is no context ${JSON.stringify(name)}.`), {
    hint: `There are ${known.join(", ")}.`,
  });
}

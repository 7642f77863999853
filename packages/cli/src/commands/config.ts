import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { checkContextName, checkSetting, configPath } from "../config/config-file.js";
import { changeConfig } from "../config/config-writing.js";
import { contextNamed, type SettingName, type Settings, settingNames, settingTable } from "../config/settings.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { addOutputOptions } from "../output/output.js";
import type { View } from "../output/view.js";

interface Shown {
  readonly name: string;
  readonly value: string | undefined;
  readonly source: string;
}

const settingView: View<Shown> = {
  name: ({ name }) => name,
  columns: [
    { heading: "NAME", value: ({ name }) => name },
    { heading: "VALUE", value: ({ value }) => value ?? "-" },
    { heading: "FROM", value: ({ source }) => source },
  ],
};

export function addConfig(program: Command, cli: Cli): void {
  const config = program
    .command("config")
    .summary("show and change the CLI's settings")
    .description(
      "Settings come from a flag, else from an environment variable, else from the current context of the configuration file.",
    );
  addShow(config, cli);
  addSet(config, cli);
  addUnset(config, cli);
  addPath(config, cli);
  examples(config, [
    ["alcove config show", "all values, and where each comes from"],
    ["alcove config set output json", ""],
  ]);
}

function addShow(config: Command, cli: Cli): void {
  const command = config
    .command("show")
    .summary("show all settings")
    .description("Show every setting and where its value comes from. Keys are not shown.");
  addOutputOptions(command).action(() => cli.output.list(settingView, shown(cli.readSettings().settings)));
  examples(command, [
    ["alcove config show", ""],
    ["alcove --context work config show", "as they would be in another context"],
  ]);
}

function addSet(config: Command, cli: Cli): void {
  const command = config
    .command("set")
    .summary("set a value in the context")
    .description("Set a value in the current context, or in the one that --context names, which is made if need be.")
    .argument("<name>", settable().join(", "))
    .argument("<value>", "its value")
    .action((name: string, value: string) => set(cli, nameOf(name), value));
  examples(command, [
    ["alcove config set group team", ""],
    ["alcove config set --context work url https://sandboxes.example.com:7443", "a server of its own"],
  ]);
}

function addUnset(config: Command, cli: Cli): void {
  const command = config
    .command("unset")
    .summary("take a value out of the context")
    .argument("<name>", settable().join(", "))
    .action((name: string) => set(cli, nameOf(name), undefined));
  examples(command, [["alcove config unset group", ""]]);
}

function addPath(config: Command, cli: Cli): void {
  const command = config
    .command("path")
    .summary("print where the configuration file is")
    .action(() => cli.terminal.print(configPath()));
  examples(command, [["alcove config path", ""]]);
}

function shown(settings: Settings): Shown[] {
  const redacted = (name: SettingName, value: string | undefined) =>
    value !== undefined && settingTable[name].isSecret ? "********" : value;
  return [
    { name: "context", ...settings.context },
    ...settingNames.map((name) => ({ name, ...settings[name], value: redacted(name, settings[name].value) })),
  ];
}

/** A key stands on no command line: everybody on the machine could read it. */
function settable(): SettingName[] {
  return settingNames.filter((name) => settingTable[name].isSecret !== true);
}

function nameOf(text: string): SettingName {
  const name = settable().find((found) => found === text);
  if (name !== undefined) return name;
  if (text === "apiKey") throw new UsageError("A key stands on no command line.", "`alcove login` asks for it.");
  throw new UsageError(`There is no setting ${JSON.stringify(text)}.`, `There are ${settable().join(", ")}.`);
}

async function set(cli: Cli, name: SettingName, value: string | undefined): Promise<void> {
  const context = cli.readSettings().settings.context.value;
  checkContextName(context);
  if (value !== undefined) checkSetting(name, value, `context ${context}`);
  await changeConfig(({ currentContext, contexts }) => {
    const { [name]: _before, ...rest } = contextNamed(contexts, context) ?? {};
    const changed = value === undefined ? rest : { ...rest, [name]: value };
    return { currentContext, contexts: { ...contexts, [context]: changed } };
  });
}

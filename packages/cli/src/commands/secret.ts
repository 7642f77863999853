import type { Secret } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { UsageError } from "../exit-codes.js";
import { names, wholeNumber } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { age } from "../output/table.js";
import type { View } from "../output/view.js";
import { secretValues } from "../secrets/values.js";

const secretView: View<Secret> = {
  name: ({ id }) => id,
  columns: [
    { heading: "NAME", value: ({ id }) => id },
    { heading: "KEYS", value: ({ keys }) => keys.join(" ") },
    { heading: "VERSION", value: ({ version }) => version },
    { heading: "HOSTS", value: ({ hosts }) => hosts.join(" ") },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
    { heading: "CHANGED", value: ({ updatedAt }) => age(updatedAt, Date.now()) },
  ],
};

export function addSecret(program: Command, cli: Cli): void {
  const secret = program
    .command("secret")
    .summary("keep values that policies and sandboxes refer to")
    .description(
      "Secrets of the group: the gateway puts them into requests, so that sandboxes use them and do not have them. What refers to one has its newest version.",
    );
  for (const add of [addSet, addList, addShow, addKeys, addPeek, addDelete]) add(secret, cli);
  examples(secret, [
    ["alcove secret set --host api.example.com example-api token=@token", "from the file token"],
    ["alcove secret list", ""],
  ]);
}

function addSet(secret: Command, cli: Cli): void {
  const command = secret
    .command("set")
    .summary("make a secret, or a new version of one")
    .description(
      "Make a secret, or a new version of one, with these keys and no others. A value as KEY=VALUE can be seen by every user of this host and stays in the shell's history: KEY=@FILE, KEY=@- and KEY do not.",
    )
    .argument("<name>", "the secret's")
    .argument(
      "<values...>",
      "KEY=VALUE, KEY=@FILE, KEY=@- for standard input, or KEY for a variable of the environment",
    )
    .option("--host <pattern>", "to which alone its values go; repeat for more. Default: as before", names);
  addOutputOptions(command).action(async (name: string, words: string[], { host: hosts }: { host?: string[] }) => {
    const values = secretValues(words);
    const { secrets } = (await cli.alcove()).defaultGroup;
    await cli.output.one(secretView, await secrets.set(name, values, { hosts, signal: cli.signal }));
  });
  examples(command, [
    ["alcove secret set --host api.example.com example-api token=@token", "from the file token"],
    ["cat token | alcove secret set registry password=@-", "from standard input"],
  ]);
}

function addList(secret: Command, cli: Cli): void {
  const command = secret.command("list").alias("ls").summary("list the group's secrets, without their values");
  addOutputOptions(command).action(async () => {
    const { secrets } = (await cli.alcove()).defaultGroup;
    await cli.output.list(secretView, await secrets.list({ signal: cli.signal }));
  });
  examples(command, [["alcove secret list", ""]]);
}

const nameArgument = ["<name>", "the secret's"] as const;

function addShow(secret: Command, cli: Cli): void {
  const command = secret
    .command("show")
    .alias("get")
    .summary("show one secret, without its values")
    .argument(...nameArgument);
  addOutputOptions(command).action(async (name: string) => {
    const { secrets } = (await cli.alcove()).defaultGroup;
    await cli.output.one(secretView, await secrets.get(name, { signal: cli.signal }));
  });
  examples(command, [["alcove secret show github", ""]]);
}

function addKeys(secret: Command, cli: Cli): void {
  const command = secret
    .command("keys")
    .summary("list the keys of a secret")
    .argument(...nameArgument)
    .action(async (name: string) => {
      const { keys } = await (await cli.alcove()).defaultGroup.secrets.get(name, { signal: cli.signal });
      cli.terminal.print(keys.join("\n"));
    });
  examples(command, [["alcove secret keys github", ""]]);
}

function addPeek(secret: Command, cli: Cli): void {
  const command = secret
    .command("peek")
    .summary("print the values of a secret")
    .description("Print the value of a key, or of the only one. Owners may; that they did is in the audit log.")
    .argument(...nameArgument)
    .argument("[key]", "which value; default: the only one")
    .option("--version <number>", "one of the last ten; default: the newest", wholeNumber);
  command.action(async (name: string, key: string | undefined, { version }: { version?: number }) => {
    const { secrets } = (await cli.alcove()).defaultGroup;
    const { values } = await secrets.peek(name, { version, signal: cli.signal });
    cli.terminal.print(oneOf(name, values, key));
  });
  examples(command, [["alcove secret peek github token", ""]]);
}

function oneOf(name: string, values: Readonly<Record<string, string>>, asked: string | undefined): string {
  const keys = Object.keys(values);
  const key = asked ?? (keys.length === 1 ? keys[0] : undefined);
  const value = key === undefined || !Object.hasOwn(values, key) ? undefined : values[key];
  if (value !== undefined) return value;
  throw new UsageError(`Of which key? The secret ${name} has ${keys.join(", ")}.`, `alcove secret peek ${name} KEY`);
}

function addDelete(secret: Command, cli: Cli): void {
  const command = secret
    .command("delete")
    .alias("rm")
    .summary("delete a secret that nothing refers to, with all of its versions")
    .argument(...nameArgument)
    .action(async (name: string) => {
      await (await cli.alcove()).defaultGroup.secrets.delete(name, { signal: cli.signal });
      cli.terminal.print(name);
    });
  examples(command, [["alcove secret delete github", ""]]);
}

import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { changeConfig } from "../config/config-writing.js";
import { contextNamed } from "../config/settings.js";
import { examples } from "../examples.js";

export function addLogout(program: Command, cli: Cli): void {
  const command = program
    .command("logout")
    .summary("forget a server's key")
    .description(
      "Take the key out of the current context, or of the one that --context names. The server goes on knowing it until it is revoked there.",
    )
    .action(() => logout(cli));
  examples(command, [
    ["alcove logout", ""],
    ["alcove logout --context work", ""],
  ]);
}

async function logout(cli: Cli): Promise<void> {
  const name = cli.readSettings().settings.context.value;
  let hadKey = false;
  await changeConfig(({ currentContext, contexts }) => {
    const { apiKey, ...rest } = contextNamed(contexts, name) ?? {};
    hadKey = apiKey !== undefined;
    return { currentContext, contexts: hadKey ? { ...contexts, [name]: rest } : contexts };
  });
  cli.terminal.print(hadKey ? `the key of the context ${name} is forgotten` : `the context ${name} has no key`);
}

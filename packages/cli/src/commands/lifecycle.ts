import type { Sandbox } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addLifecycleOptions, type LifecycleOptions, policyChanges } from "../lifecycle-options.js";
import { addOutputOptions } from "../output/output.js";
import { lifecycleView } from "../views/lifecycle.js";

export function addLifecycle(program: Command, cli: Cli): void {
  const command = program
    .command("lifecycle")
    .summary("show or change when a sandbox sleeps and is deleted")
    .description(
      "Show when a sandbox is suspended and deleted by itself, and what keeps it awake; with options, change it first. What is not given stays.",
    )
    .argument("<id>", "the sandbox's id, the beginning of it, or KEY=VALUE for all that have the label");
  addOutputOptions(addLifecycleOptions(command)).action((id: string, options: LifecycleOptions) =>
    change(cli, id, options),
  );
  examples(command, [
    ["alcove lifecycle 3f2a", "what it is, and what keeps the sandbox awake"],
    ["alcove lifecycle 3f2a --suspend-after 10m --suspend-mode memory --delete-after 1d", "change it"],
    ["alcove lifecycle 3f2a --keep-awake execs,cpu", "a computation that no command runs keeps it awake too"],
    ["alcove lifecycle 3f2a --suspend-after never --maximum-lifetime 30d", ""],
  ]);
}

async function change(cli: Cli, id: string, options: LifecycleOptions): Promise<void> {
  const found = await cli.sandboxes(id);
  const changed = await Promise.all(found.map((sandbox) => changeOne(cli, sandbox, options)));
  const [only] = changed;
  if (only !== undefined && !id.includes("=")) return cli.output.one(lifecycleView, only);
  await cli.output.list(lifecycleView, changed);
}

async function changeOne({ signal }: Cli, sandbox: Sandbox, options: LifecycleOptions) {
  const present = await sandbox.info({ signal });
  const changes = policyChanges(options, present.lifecycle);
  if (Object.keys(changes).length === 0) return present;
  await sandbox.setLifecycle(changes, { signal });
  return sandbox.info({ signal });
}

import type { Template } from "@alcove/contract";
import type { Command } from "commander";
import { confirm } from "../ask.js";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { addOutputOptions } from "../output/output.js";
import { age, mebibytes } from "../output/table.js";
import type { View } from "../output/view.js";

const templateView: View<Template> = {
  name: ({ key }) => key,
  columns: [
    { heading: "KEY", value: ({ key }) => key },
    { heading: "IMAGE", value: ({ image }) => image },
    { heading: "RESOURCES", value: ({ resources: size }) => size && `${size.cpu} ${size.memory} ${size.disk}` },
    { heading: "SIZE", value: ({ bytes }) => mebibytes(bytes) },
    { heading: "USERS", value: ({ users }) => users },
    { heading: "USED", value: ({ lastUsedAt }) => age(lastUsedAt, Date.now()) },
    { heading: "AGE", value: ({ createdAt }) => age(createdAt, Date.now()) },
    { heading: "CURRENT", value: ({ isCurrent }) => (isCurrent ? "yes" : "no") },
  ],
  details: [{ heading: "USED BY", value: ({ usedBy }) => usedBy.join(" ") }],
};

export function addTemplate(program: Command, cli: Cli): void {
  const template = program
    .command("template")
    .summary("look at what sandboxes start from, and remove it")
    .description(
      "Templates: machines that have booted once for an image and a size, from which sandboxes start. They are made by themselves. For administrators.",
    );
  for (const add of [addList, addRebuild, addRemove, addPrune]) add(template, cli);
  examples(template, [
    ["alcove template list", ""],
    ["alcove template prune --dry-run", ""],
  ]);
}

function addList(template: Command, cli: Cli): void {
  const command = template
    .command("list")
    .alias("ls")
    .summary("list the server's templates, the most lately used first")
    .description(
      "List the server's templates, the most lately used first, and how many stand on each. What pools are primed with is in `alcove pool get NAME`.",
    );
  addOutputOptions(command).action(async () => {
    await cli.output.list(templateView, await (await cli.alcove()).templates.list({ signal: cli.signal }));
  });
  examples(command, [["alcove template list -o json", ""]]);
}

function addRebuild(template: Command, cli: Cli): void {
  const command = template
    .command("rebuild")
    .summary("make a template anew")
    .description("Make a template anew, and show the new one. What stands on the old one goes on standing on it.")
    .argument("<key>", "the template's");
  addOutputOptions(command).action(async (key: string) => {
    const { templates } = await cli.alcove();
    await cli.output.one(templateView, await templates.rebuild(key, { signal: cli.signal }));
  });
  examples(command, [["alcove template rebuild $(alcove template list -q | head -n 1)", "the one that was used last"]]);
}

function addRemove(template: Command, cli: Cli): void {
  const command = template
    .command("delete")
    .alias("rm")
    .summary("remove a template that nothing stands on")
    .description("Remove a template that nothing stands on, and print its key. It is made anew when it is needed.")
    .argument("<key>", "the template's")
    .action(async (key: string) => {
      await (await cli.alcove()).templates.delete(key, { signal: cli.signal });
      cli.terminal.print(key);
    });
  examples(command, [["alcove template delete 0123456789abcdef0123456789abcdef", ""]]);
}

interface PruneOptions {
  readonly dryRun?: true;
  readonly yes?: true;
}

function addPrune(template: Command, cli: Cli): void {
  const command = template
    .command("prune")
    .summary("remove the templates that nothing stands on")
    .description("Remove the templates that nothing stands on, and show them. On a terminal it asks before.")
    .option("--dry-run", "only show them")
    .option("-y, --yes", "do not ask");
  addOutputOptions(command).action(async ({ dryRun, yes }: PruneOptions) => {
    const { templates } = await cli.alcove();
    const would = await templates.prune({ dryRun: true, signal: cli.signal });
    const isMeant = dryRun !== true && would.removed.length > 0 && (await mayPrune(cli, would, yes));
    const { removed } = isMeant ? await templates.prune({ signal: cli.signal }) : would;
    if (dryRun === true || isMeant) await cli.output.list(templateView, removed);
  });
  examples(command, [
    ["alcove template prune --dry-run", ""],
    ["alcove template prune --yes", ""],
  ]);
}

/** Programs are not asked. */
async function mayPrune(
  cli: Cli,
  { removed, freedBytes }: { readonly removed: readonly unknown[]; readonly freedBytes: number },
  yes: true | undefined,
): Promise<boolean> {
  if (yes === true || !process.stdin.isTTY) return true;
  return confirm(cli, `Remove ${removed.length} templates, ${mebibytes(freedBytes)}?`);
}

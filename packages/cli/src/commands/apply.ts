import type { Applied } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { ensureImage } from "../creation.js";
import { warnOfTemplates } from "../egress/template-warnings.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { fileOption, manifestsOf } from "../manifest/file-option.js";
import { addOutputOptions } from "../output/output.js";
import { table } from "../output/table.js";

interface ApplyOptions {
  readonly file: string;
  readonly dryRun?: true;
  readonly recreate?: true;
}

export function addApply(program: Command, cli: Cli): void {
  const command = program
    .command("apply")
    .summary("create or change sandboxes as a file says")
    .description(
      "Make the sandboxes of a file be there and be so, found by their label `name`. What can be changed in one that is there is changed; what takes a new one is told, and left as it is, and the command ends with 1, unless --recreate is given.",
    )
    .option(...fileOption)
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--recreate", "where it takes a new sandbox, create that, and delete the old one with everything in it");
  addOutputOptions(command, { quiet: false }).action((options: ApplyOptions) => apply(cli, options));
  examples(command, [
    ["alcove apply --file alcove.yaml", ""],
    ["alcove apply --file alcove.yaml --dry-run", "what would be done"],
    ["alcove apply --file alcove.yaml --recreate", "whatever it takes"],
  ]);
}

async function apply(cli: Cli, { file, dryRun, recreate }: ApplyOptions): Promise<void> {
  const manifests = await manifestsOf(file);
  for (const { name, egressPolicy } of manifests) warnOfTemplates(cli.terminal, egressPolicy, name);
  const alcove = await cli.alcove();
  const all: Applied[] = [];
  try {
    for (const manifest of manifests) {
      if (manifest.image !== undefined && dryRun !== true) await ensureImage(cli, alcove, manifest.image);
      all.push(await alcove.sandboxes.apply(manifest, { dryRun, recreate, signal: cli.signal }));
    }
  } finally {
    // What was done before something failed was done.
    if (all.length > 0) await cli.output.value(all, () => appliedTable(all, dryRun === true));
  }
  tellBesides(cli, all);
  if (dryRun !== true && tell(cli, all)) throw new Exit(exitCodes.error);
}

function tellBesides({ terminal }: Cli, all: readonly Applied[]): void {
  for (const { name, action, besides } of all)
    for (const what of besides) {
      const fate = action === "recreated" ? "it is no longer attached" : "it stays";
      terminal.say(`warning: ${name}: its manifest does not name ${what}; ${fate}`);
    }
}

/** Whether something is left otherwise than its manifest says. */
function tell({ terminal }: Cli, all: readonly Applied[]): boolean {
  const unmet = all.filter(({ needsNew }) => needsNew.length > 0);
  for (const { name, needsNew } of unmet)
    terminal.say(`warning: ${name} was left as it is in what takes a new sandbox: ${needsNew.join(", ")}`);
  if (unmet.length > 0) terminal.say("hint: `alcove apply --recreate` replaces it; everything in the old one is lost.");
  return unmet.length > 0;
}

function appliedTable(all: readonly Applied[], isDryRun: boolean): string {
  const rows = all.map(({ name, action, id, changed, needsNew, notCompared }) => [
    ...[name, isDryRun && action !== "unchanged" ? `would be ${action}` : action, id?.slice(0, 8) ?? "-"],
    ...[changed, needsNew, notCompared].map((fields) => fields.join(", ") || "-"),
  ]);
  return table(["NAME", "ACTION", "SANDBOX", "CHANGED", "NEEDS_NEW", "NOT_COMPARED"], rows);
}

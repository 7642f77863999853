import type { GroupUsage, UsageRecords, UsageStep } from "@alcove/contract";
import { type Command, Option } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { momentPast } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import { properties, table } from "../output/table.js";
import { printable } from "../printable.js";
import { inGi, of } from "../views/group.js";

interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly label?: string;
  readonly per?: UsageStep;
  readonly csv?: true;
}

export function addUsage(program: Command, cli: Cli): void {
  const command = program
    .command("usage")
    .summary("show what a group uses and used")
    .description(
      "Show what the group uses now and used this month. With any of --from, --to, --label, --per or --csv: its records, by time and by the values of a label. Times are UTC.",
    )
    .option(
      "--from <time>",
      "12h or 30d ago, 2026-01-31, or 2026-01-31T12:00:00Z; default 24 hours before --to",
      momentPast,
    )
    .option("--to <time>", "as --from; default now", momentPast)
    .option("--label <key>", "tell the values of this label apart")
    .addOption(new Option("--per <step>", "a record for each; default hour").choices(["hour", "day", "range"]))
    .option("--csv", "records as CSV");
  addOutputOptions(command, { quiet: false }).action((options: Options) => show(cli, options));
  examples(command, [
    ["alcove usage", "now and this month"],
    ["alcove usage --from 2026-01-01 --label project --per day", "what each project used each day"],
    ["alcove usage --from 2026-01-01 --label project --per range --csv", "for a spreadsheet"],
  ]);
}

async function show(cli: Cli, { from, to, label, per, csv }: Options): Promise<void> {
  const group = (await cli.alcove()).defaultGroup;
  if ([from, to, label, per, csv].every((option) => option === undefined)) {
    const usage = await group.usage({ signal: cli.signal });
    return cli.output.value(usage, () => currentText(usage));
  }
  const records = await group.usageRecords({ from, to, label, per, signal: cli.signal });
  if (csv === true) cli.terminal.print(csvOf(records));
  else await cli.output.value(records, () => table(headings(records), rows(records)));
}

function currentText({ quota, used, month }: GroupUsage): string {
  return properties({
    cores: of(used.cores, quota.cores),
    memory: of(inGi(used.memory), quota.memory),
    disk: of(inGi(used.disk), quota.disk),
    sandboxes: of(used.sandboxes, quota.sandboxes),
    images: of(used.images, quota.images),
    since: month.from,
    "core-seconds": rounded(month.coreSeconds),
    "memory GiB-seconds": rounded(month.memoryGiBSeconds),
    "disk GiB-seconds": rounded(month.diskGiBSeconds),
  });
}

function headings({ label }: UsageRecords): string[] {
  const amounts = ["CORE_SECONDS", "MEMORY_GIB_SECONDS", "DISK_GIB_SECONDS"];
  return ["FROM", "TO", ...(label === undefined ? [] : [printable(label)]), ...amounts];
}

function rows({ label, records }: UsageRecords): string[][] {
  return records.map(({ from, to, value, coreSeconds, memoryGiBSeconds, diskGiBSeconds }) => [
    ...[from, to],
    ...(label === undefined ? [] : [value ?? ""]),
    ...[coreSeconds, memoryGiBSeconds, diskGiBSeconds].map(rounded),
  ]);
}

/** RFC 4180. A value that a spreadsheet would take for a formula is no formula: labels are others' words. */
function csvOf(records: UsageRecords): string {
  const cell = (text: string) => {
    const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  };
  return [headings(records), ...rows(records)].map((cells) => cells.map(cell).join(",")).join("\n");
}

function rounded(value: number): string {
  return String(Math.round(value * 1_000) / 1_000);
}

import type { AuditRecord } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { momentPast, wholeNumber } from "../option-values.js";
import { addOutputOptions } from "../output/output.js";
import type { View } from "../output/view.js";

const auditView: View<AuditRecord> = {
  name: ({ sequence }) => String(sequence),
  columns: [
    { heading: "AT", value: ({ at }) => at },
    {
      heading: "WHO",
      value: ({ principal, name }) => (name === "" || principal === "owner" ? principal : `${principal} (${name})`),
    },
    { heading: "WHAT", value: ({ endpoint }) => endpoint },
    { heading: "ON", value: ({ target }) => Object.values(target).join(" ") },
    { heading: "STATUS", value: ({ status }) => status },
    { heading: "TIMES", value: ({ count }) => count },
    { heading: "FROM", value: ({ peer }) => peer },
  ],
};

interface Options {
  readonly server?: true;
  readonly since?: string;
  readonly until?: string;
  readonly caller?: string;
  readonly limit?: number;
}

const defaultLimit = 100;

export function addAudit(program: Command, cli: Cli): void {
  const command = program
    .command("audit")
    .summary("show who did what")
    .description("Show who changed what in the group, and who was turned away, newest first.")
    .option("--server", "of the whole server: for its administrator")
    .option("--since <time>", "30m, 12h, 7d ago, or 2026-01-31T12:00:00Z", momentPast)
    .option("--until <time>", "as --since", momentPast)
    .option("--caller <principal>", "owner, key:ID or oidc:SUBJECT")
    .option("--limit <count>", "at most so many; default 100", wholeNumber);
  addOutputOptions(command, { quiet: false }).action((options: Options) => show(cli, options));
  examples(command, [
    ["alcove audit --since 12h", ""],
    ["alcove audit --server --caller owner -o json", "for programs"],
  ]);
}

async function show(cli: Cli, { server, limit = defaultLimit, ...filter }: Options): Promise<void> {
  const alcove = await cli.alcove();
  const options = { ...filter, pageSize: Math.min(limit, 1_000), signal: cli.signal };
  const records: AuditRecord[] = [];
  for await (const record of server ? alcove.audit(options) : alcove.defaultGroup.audit(options)) {
    records.push(record);
    if (records.length >= limit) break;
  }
  await cli.output.list(auditView, records);
}

import type { Health } from "@alcove/contract";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes } from "../exit-codes.js";
import { addOutputOptions } from "../output/output.js";
import { properties } from "../output/table.js";

export function addStatus(program: Command, cli: Cli): void {
  const command = program
    .command("status")
    .summary("show how the daemon is")
    .description("Show how the daemon is, without starting it. Exits with 1 when none runs.");
  addOutputOptions(command, { quiet: false }).action(() => status(cli));
  examples(command, [
    ["alcove status", ""],
    ["alcove status -o json | jq .sandboxes", ""],
  ]);
}

async function status(cli: Cli): Promise<void> {
  const health = await (await cli.runningAlcove())?.health({ signal: cli.signal });
  await cli.output.value(health ?? { status: "down" }, () =>
    health === undefined ? "down: no daemon runs; `alcove up` starts it" : healthText(health),
  );
  if (health === undefined) throw new Exit(exitCodes.error);
}

function healthText({ sandboxes, memory, diskFreeBytes, daemonResidentBytes, tcp, ...health }: Health): string {
  return properties({
    status: [health.status, ...health.problems].join(": "),
    engine: `${health.engine} (${health.accelerator})`,
    sandboxes: `${sandboxes.running} running, ${sandboxes.creating} being created, ${sandboxes.total} in all`,
    memory:
      memory && `${memory.committedMiB} MiB promised to sandboxes, ${memory.hostAvailableMiB} MiB free on the host`,
    disk: diskFreeBytes === undefined ? undefined : `${Math.floor(diskFreeBytes / 2 ** 30)} GiB free`,
    daemon: [...size(daemonResidentBytes), `up ${Math.round(health.uptimeMs / 1_000)} s`].join(", "),
    tcp: tcp && [tcp.url, ...(tcp.fingerprint === undefined ? [] : [`SHA-256 ${tcp.fingerprint}`])].join(", "),
  });
}

function size(bytes: number | undefined): string[] {
  return bytes === undefined ? [] : [`${Math.round(bytes / 2 ** 20)} MiB`];
}
